"""The tool that holds the profiles' sizes against the computation: silent when they agree, 1 with a line when not."""

from pathlib import Path

import pytest

from gateway.settings import default_profiles_dir
from tools import footprints
from tools.published_texts import MODELS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "llm").mkdir()
    return tmp_path


def written(folder: Path, profile: str, old: str = "", new: str = "", name: str | None = None) -> None:
    text = (default_profiles_dir() / "llm" / f"{profile}.yaml").read_text("utf-8")
    assert old in text
    (folder / "llm" / f"{name or profile}.yaml").write_text(text.replace(old, new), "utf-8")


def test_the_profiles_say_what_is_computed(capsys):
    assert footprints.main(["--check"]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out == ""
    assert footprints.main([]) == 0
    assert "qwen3-30b-a3b:q4_k_m-cpu-moe: weights 997554176 (1.00 GB)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("weights_bytes: 9049559040", "weights_bytes: 9049559041"),
        ("kv_bytes: 6710886400", "kv_bytes: 6710886401"),
        ("compute_bytes: 186466304", "compute_bytes: 1"),
        ("slots: 2", "slots: 3"),
        ("context_tokens: 32768", "context_tokens: 65536"),
    ],
)
def test_a_profile_that_says_something_else(folder, capsys, old, new):
    written(folder, "phi-4", old, new)
    assert footprints.main(["--check"], folder) == 1
    assert "phi-4:q4_k_m: weights 9049559040 (9.05 GB)" in capsys.readouterr().out
    assert footprints.main([], folder) == 0


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("weights_bytes: 9084774400", "weights_bytes: 1", "phi-4:int4: computed Footprint(weights_bytes=9084774400,"),
        ("slots: 4\n", "slots: 5\n", "phi-4:int4: computed Footprint("),
        ("batch_tokens: 8192", "batch_tokens: 4096", "phi-4:bf16: computed Footprint("),
        ("wake_seconds: 2.0", "wake_seconds: 9.0", "phi-4:bf16: computed Footprint("),
        ("bytes: 29339014400", "bytes: 7", "phi-4:bf16: weights.folder.bytes 7, computed 29339014400"),
    ],
)
def test_a_vllm_variant_that_says_something_else(folder, capsys, old, new, line):
    written(folder, "phi-4", old, new)
    assert footprints.main(["--check"], folder) == 1
    assert line in capsys.readouterr().out


def test_a_model_of_unknown_shape(folder, capsys):
    written(folder, "phi-4", "id: phi-4", "id: phi-5", name="phi-5")
    assert footprints.main(["--check"], folder) == 1
    out = capsys.readouterr().out
    assert "phi-5:q8_0: no published shape" in out
    assert "phi-5:bf16: no published shape" in out


def test_experts_in_host_memory_by_layer(folder, capsys):
    written(folder, "qwen3-30b-a3b", "n_cpu_moe: 48", "n_cpu_moe: 24")
    assert footprints.main(["--check"], folder) == 1
    assert f"host {17553162240 // 2}" in capsys.readouterr().out


def test_a_broken_profile_is_named(folder, capsys):
    written(folder, "phi-4", "modality: llm", "modality: lllm")
    assert footprints.main(["--check"], folder) == 1
    assert "phi-4.yaml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("bytes: 40860802176, precision: bf16", "bytes: 40860802177, precision: bf16", "transformer has 40860802177"),
        ("{name: vae,", "{name: decoder,", "vae has no size, computed 253785062 as bf16"),
        ("{name: vae,", "{name: decoder,", "decoder is no part of it"),
        ("precision: nf4", "precision: fp8", "transformer has 40860802176 bytes as fp8, computed 40860802176 as nf4"),
        ("weights_bytes: 57698920550", "weights_bytes: 1", "weights_bytes 1, computed 57698920550"),
        ("\n      offload: group\n", "\n", "offload none, tiling True of the engine differ"),
        ("      vae_tiling: true\n", "", "offload group, tiling False of the engine differ"),
        ("id: qwen-image", "id: other-image", "no parameters in tools/published_images.py"),
    ],
)
def test_a_picture_model_that_says_something_else(folder, capsys, old, new, line):
    text = (default_profiles_dir() / "image" / "qwen-image.yaml").read_text("utf-8")
    assert old in text
    name = "other-image" if "other-image" in new else "qwen-image"
    (folder / f"{name}.yaml").write_text(text.replace(old, new), "utf-8")
    assert footprints.main(["--check"], folder) == 1
    assert line in capsys.readouterr().out


def test_a_gguf_part_counts_as_its_file(folder, capsys):
    text = (default_profiles_dir() / "image" / "flux-1-dev.yaml").read_text("utf-8")
    assert "bytes: 6810000000, include" in text
    (folder / "flux-1-dev.yaml").write_text(text.replace("bytes: 6810000000, include", "bytes: 5, include"), "utf-8")
    assert footprints.main(["--check"], folder) == 1
    assert "gguf-q4: transformer has 6810000000 bytes as stored, computed 5 as stored" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("{bytes: 2454000000, inc", "{bytes: 7, inc", "lightning has 2454000000 bytes as stored, computed 7 as stored"),
        ("transformer_2, bytes: 28576983168, precision: fp8", "transformer_2, bytes: 1", "transformer_2 has 1 bytes"),
        ("weights_bytes: 27618716308", "weights_bytes: 1", "weights_bytes 1, computed 27618716308"),
    ],
)
def test_a_clip_model_that_says_something_else(folder, capsys, old, new, line):
    text = (default_profiles_dir() / "video" / "wan-2.2.yaml").read_text("utf-8")
    assert old in text
    (folder / "wan-2.2.yaml").write_text(text.replace(old, new), "utf-8")
    assert footprints.main(["--check"], folder) == 1
    assert line in capsys.readouterr().out


@pytest.mark.parametrize(
    ("model", "billions", "tenth"),
    [
        ("deepseek-v3.1", 671.0, 0.1), ("kimi-k2", 1026.4, 0.1), ("glm-4.6", 352.8, 0.1), ("glm-4.5-air", 106.9, 0.1),
        ("minimax-m2.1", 228.7, 0.1), ("qwen3-235b-a22b", 235.1, 0.1), ("qwen3-coder-next", 79.7, 0.1),
        ("llama-4-scout", 108.6, 0.1), ("llama-4-maverick", 401.6, 0.1), ("qwen3-32b", 32.8, 0.05),
        ("command-r-plus", 103.8, 0.1), ("yi-1.5-34b", 34.4, 0.05), ("codellama-70b", 69.0, 0.05),
        ("mistral-small", 24.0, 0.05), ("gemma-3-27b", 27.4, 0.05), ("phi-4", 14.66, 0.01), ("glm-4-9b", 9.4, 0.01),
        ("starcoder-2-3b", 3.03, 0.01), ("internlm-3-8b", 8.8, 0.01),
    ],
)  # fmt: skip
def test_the_shapes_come_to_what_their_makers_say(model, billions, tenth):
    assert MODELS[model].values().total / 1e9 == pytest.approx(billions, abs=tenth)


def test_layers_that_do_not_run_are_in_the_files_only():
    model = MODELS["deepseek-r1"]
    assert model.values(extra=True).total - model.values().total == pytest.approx(11.5e9, rel=0.01)
    assert MODELS["kimi-k2"].values(extra=True) == MODELS["kimi-k2"].values()


def test_a_latent_is_what_is_cached():
    [cached] = MODELS["kimi-k2"].served("kimi-k2").architecture.attention
    assert (cached.layers, cached.kv_heads, cached.key + cached.value) == (61, 1, 576)
