"""Parameters of the parts of image pipelines, as published. The sizes in ``model_profiles`` follow from them.

Counted on the classes of diffusers 0.42 and transformers 5, built without memory from the makers' ``config.json``;
with them the tables of positions that a file of Stable Diffusion 3.5 stores besides (192 x 192 x 2432 and 384 x 384
x 1536). By the makers' model cards only: the text encoders of Qwen-Image (Qwen2.5-VL 7B), FLUX.2 (Mistral Small 24B)
and Kolors (ChatGLM3 6B), and Kandinsky's decoder. Kolors' U-Net is SDXL's with a wider condition and a projection.
"""

PARAMETERS: dict[str, dict[str, int]] = {
    "qwen-image": {"transformer": 20_430_401_088, "text_encoder": 8_292_166_656, "vae": 126_892_531},
    "flux-2-dev": {"transformer": 32_223_281_152, "text_encoder": 24_011_361_280, "vae": 83_821_011},
    "flux-1-dev": {
        "transformer": 11_901_408_320,
        "text_encoder_2": 4_762_310_656,
        "text_encoder": 123_060_480,
        "vae": 83_821_011,
    },
    "flux-1-schnell": {
        "transformer": 11_891_178_560,
        "text_encoder_2": 4_762_310_656,
        "text_encoder": 123_060_480,
        "vae": 83_821_011,
    },
    "hidream-i1": {
        "transformer": 17_105_733_184,
        "text_encoder_4": 8_030_261_248,
        "text_encoder_3": 4_762_310_656,
        "text_encoder_2": 694_659_840,
        "text_encoder": 123_060_480,
        "vae": 83_821_011,
    },
    "wan-2.2-image": {
        "transformer": 14_288_491_584,
        "transformer_2": 14_288_491_584,
        "text_encoder": 5_680_910_336,
        "vae": 126_892_531,
    },
    "sd-3.5-large": {
        "transformer": 8_146_280_768,
        "text_encoder_3": 4_762_310_656,
        "text_encoder_2": 694_659_840,
        "text_encoder": 123_060_480,
        "vae": 83_821_011,
    },
    "sd-3.5-medium": {
        "transformer": 2_469_663_936,
        "text_encoder_3": 4_762_310_656,
        "text_encoder_2": 694_659_840,
        "text_encoder": 123_060_480,
        "vae": 83_821_011,
    },
    "sdxl": {"unet": 2_567_463_684, "text_encoder_2": 694_659_840, "text_encoder": 123_060_480, "vae": 83_653_863},
    "kolors": {"unet": 2_579_458_820, "text_encoder": 6_243_584_000, "vae": 83_653_863},
    "pixart-sigma": {"transformer": 611_349_152, "text_encoder": 4_762_310_656, "vae": 83_653_863},
    "kandinsky-3": {"unet": 3_055_348_228, "text_encoder": 8_721_797_632, "movq": 267_000_000},
    "auraflow": {"transformer": 6_858_605_568, "text_encoder": 1_223_550_976, "vae": 83_653_863},
    "sd-1.5": {"unet": 859_520_964, "text_encoder": 123_060_480, "vae": 83_653_863},
    "z-image-turbo": {"transformer": 6_154_908_736, "text_encoder": 4_022_468_096, "vae": 83_821_011},
    "qwen-image-edit": {"transformer": 20_430_401_088, "text_encoder": 8_292_166_656, "vae": 126_892_531},
}
