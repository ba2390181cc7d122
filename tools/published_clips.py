"""Parameters of the parts of video pipelines, as published. The sizes in ``model_profiles/video`` follow from them.

Counted on the classes of diffusers 0.42 and transformers 5, built without memory from the makers' published sizes:
``tests/conformance/counted_clips.py`` does that again. CogVideoX from a picture stores its learned table of positions
besides; a text encoder is counted with the head that predicts words where the pipeline's class has one, which is
Llava's in HunyuanVideo from a picture and Gemma's, tied to its embedding, in LTX-2.
"""

CLIP_PARAMETERS: dict[str, dict[str, int]] = {
    "wan-2.2": {
        "transformer": 14_288_491_584,
        "transformer_2": 14_288_491_584,
        "text_encoder": 5_680_910_336,
        "vae": 126_892_531,
    },
    "wan-2.2-i2v": {
        "transformer": 14_288_901_184,
        "transformer_2": 14_288_901_184,
        "text_encoder": 5_680_910_336,
        "vae": 126_892_531,
    },
    "wan-2.2-5b": {
        "transformer": 4_999_787_712,
        "text_encoder": 5_680_910_336,
        "vae": 704_688_668,
    },
    "wan-2.1": {
        "transformer": 14_288_491_584,
        "text_encoder": 5_680_910_336,
        "vae": 126_892_531,
    },
    "wan-2.1-1.3b": {
        "transformer": 1_418_996_800,
        "text_encoder": 5_680_910_336,
        "vae": 126_892_531,
    },
    "wan-2.1-i2v": {
        "transformer": 16_394_878_784,
        "text_encoder": 5_680_910_336,
        "image_encoder": 630_766_080,
        "vae": 126_892_531,
    },
    "framepack": {
        "transformer": 12_874_314_816,
        "text_encoder": 7_505_186_816,
        "image_encoder": 428_225_600,
        "text_encoder_2": 123_060_480,
        "vae": 246_478_803,
    },
    "hunyuan-video": {
        "transformer": 12_821_012_544,
        "text_encoder": 7_505_186_816,
        "text_encoder_2": 123_060_480,
        "vae": 246_478_803,
    },
    "hunyuan-video-i2v": {
        "transformer": 12_821_012_544,
        "text_encoder": 8_355_272_704,
        "text_encoder_2": 123_060_480,
        "vae": 246_478_803,
    },
    "ltx-2": {
        "transformer": 18_876_174_592,
        "text_encoder": 12_202_563_392,
        "connectors": 1_431_475_200,
        "vae": 1_222_479_601,
        "vocoder": 55_592_802,
        "audio_vae": 53_248_146,
    },
    "cogvideox-5b": {
        "transformer": 5_570_283_072,
        "text_encoder": 4_762_310_656,
        "vae": 215_583_907,
    },
    "cogvideox-5b-i2v": {
        "transformer": 5_625_087_552,
        "text_encoder": 4_762_310_656,
        "vae": 215_583_907,
    },
    "mochi-1": {
        "transformer": 10_027_677_744,
        "text_encoder": 4_762_310_656,
        "vae": 459_748_611,
    },
    "allegro": {
        "transformer": 2_771_907_856,
        "text_encoder": 4_762_310_656,
        "vae": 174_955_751,
    },
    "ltx-video": {
        "transformer": 1_923_385_472,
        "text_encoder": 4_762_310_656,
        "vae": 419_193_649,
    },
    "animatediff": {
        "unet": 859_520_964,
        "motion_adapter": 453_209_280,
        "text_encoder": 123_060_480,
        "vae": 83_653_863,
    },
}
