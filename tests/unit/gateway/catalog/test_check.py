# ruff: noqa: E501 (one rule a line reads better than wrapped)
"""Cross-checks: each rule is broken once, and the finding names the line and says what is wrong."""

from pathlib import Path

import pytest

from gateway.catalog.load import load
from gateway.catalog.providers import url_fault
from tests.unit.gateway.catalog.samples import BETA, CHAT, PICTURE, shown, write

LLAMA = "engine: {kind: llama_cpp, context_tokens: 4096, slots: 2}"
SHA = "          sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
RULES = [
    ("id", CHAT, "id: alpha", "id: alfa", '2:5: id: "alfa" is not the file\'s name; the file is called "alpha"'),
    ("blank name", CHAT, "name: Alpha 1B", 'name: " "', "3:7: name: expected one line of text"),
    ("name of two lines", CHAT, "name: Alpha 1B", 'name: "a\\nb"', "3:7: name: expected one line of text"),
    ("no task", CHAT, "tasks: [chat, completion]", "tasks: []", "6:8: tasks: at least one task is needed"),
    ("odd task", CHAT, "tasks: [chat, completion]", "tasks: [image]", "6:9: tasks[0]: a model of modality llm has no task image"),
    ("task twice", CHAT, "tasks: [chat, completion]", "tasks: [chat, chat]", '6:15: tasks[1]: "chat" is given twice'),
    ("alias twice", CHAT, "Alpha/One", "gpt-*", '11:44: aliases[3]: "gpt-*" is given twice'),
    ("row twice", CHAT, '["Row One"]', "[a, a]", '10:19: catalog_rows[1]: "a" is given twice'),
    ("variant twice", CHAT, "name: remote", "name: q8", '27:11: variants[1].name: "q8" is given twice'),
    ("alias is an id", CHAT, "Alpha/One", "Beta", '11:44: aliases[3]: "Beta" is the id of ROOT/llm/beta.yaml'),
    ("alias is its own id", CHAT, "Alpha/One", "alpha", '11:44: aliases[3]: "alpha" is the id of ROOT/llm/alpha.yaml'),
    ("alias out of reach", CHAT, "Alpha/One", "auto:chat", '11:44: aliases[3]: "auto:chat" can never be reached: auto:, local/ and cloud/ have a meaning of their own'),
    ("wildcards clash", BETA, '"g*"', '"GPT-*"', '8:22: aliases[1]: "GPT-*" is also an alias in ROOT/llm/alpha.yaml'),
    ("fallback to nobody", CHAT, "to: beta", "to: betta", '37:9: fallbacks[0].to: no model "betta"; did you mean "beta"?'),
    ("fallback never", CHAT, "when: [cannot_fit, queue_full]", "when: []", "36:11: fallbacks[0].when: an empty list never applies"),
    ("fallback for a cause that has none", CHAT, "queue_full", "auth", "36:24: fallbacks[0].when[1]: after auth no other model is ever tried"),
    ("fallback to itself", CHAT, "to: beta", "to: alpha", "37:9: fallbacks[0].to: goes in a circle: alpha > alpha"),
    ("llama_cpp without weights", BETA, BETA[BETA.index("    weights:") : BETA.index("    footprint")], "", "11:13: variants[0].engine: llama_cpp needs weights"),
    ("no gguf", CHAT, "path: alpha-q8.gguf", "path: alpha.safetensors", "20:9: variants[0].weights.files: llama_cpp needs a .gguf file"),
    ("no slots", CHAT, "slots: 2", "slots: 0", "16:60: variants[0].engine.slots: expected 1 or more, got 0"),
    ("odd layers", CHAT, "slots: 2", "gpu_layers: -2", "16:65: variants[0].engine.gpu_layers: expected -1 or more, got -2"),
    ("no context for the slots", CHAT, "context_tokens: 4096, slots: 2", "context_tokens: 3, slots: 4", "16:47: variants[0].engine.context_tokens: less than one token a slot; it is the total over all slots"),
    ("neither command nor url", CHAT, "      url: https://example.org/v1\n", "", "29:7: variants[1].engine: exactly one of command, url and urls is needed"),
    ("command and url", CHAT, "      url:", "      command: [a]\n      url:", "29:7: variants[1].engine: exactly one of command, url and urls is needed"),
    ("url and urls", CHAT, "      url:", "      urls: [https://a.example]\n      url:", "29:7: variants[1].engine: exactly one of command, url and urls is needed"),
    ("a url twice", CHAT, "url: https://example.org/v1", "urls: [https://a.example, https://a.example]", '30:33: variants[1].engine.urls[1]: "https://a.example" is given twice'),
    ("one of the urls is plain", CHAT, "url: https://example.org/v1", "urls: [https://a.example, http://b.example]", '30:33: variants[1].engine.urls[1]: plain http to "b.example", which is not this machine; plain http is for loopback; elsewhere use https'),
    ("replicas of a server of others", CHAT, "    footprint: {weights_bytes: 0}", "    replicas: 2\n    footprint: {weights_bytes: 0}", "31:15: variants[1].replicas: goes with command only; a server that somebody else runs is one more of urls"),
    ("no replica", CHAT, "    footprint: {weights_bytes: 0}", "    replicas: 0\n    footprint: {weights_bytes: 0}", "31:15: variants[1].replicas: expected `int` >= 1"),
    ("name at a command", CHAT, "url: https://example.org/v1", "command: [a]\n      served_model: b", "31:21: variants[1].engine.served_model: goes with url or urls only"),
    ("empty program", CHAT, "url: https://example.org/v1", 'command: [""]', "30:17: variants[1].engine.command[0]: the program's name is empty"),
    ("plain http", CHAT, "https://example.org/v1", "http://example.org/v1", '30:12: variants[1].engine.url: plain http to "example.org", which is not this machine; plain http is for loopback; elsewhere use https'),
    ("external slots", CHAT, "      url:", "      slots: 0\n      url:", "30:14: variants[1].engine.slots: expected 1 or more, got 0"),
    ("external context", CHAT, "      url:", "      context_tokens: 0\n      url:", "30:23: variants[1].engine.context_tokens: expected 1 or more, got 0"),
    ("health path", CHAT, "      url:", "      health_path: x\n      url:", "30:20: variants[1].engine.health_path: expected a path that starts with /"),
    ("sleep path", CHAT, "      url: https://example.org/v1", "      sleep_path: x\n      wake_path: /w\n      command: [a]", "30:19: variants[1].engine.sleep_path: expected a path that starts with /"),
    ("sleep without wake", CHAT, "      url: https://example.org/v1", "      sleep_path: /s\n      command: [a]", "29:7: variants[1].engine: sleep_path and wake_path go together"),
    ("sleep of a server of others", CHAT, "      url:", "      sleep_path: /s\n      wake_path: /w\n      url:", "30:19: variants[1].engine.sleep_path: goes with command only"),
    ("who cannot sleep", CHAT, "host_bytes: 4", "sleep: {wake_seconds: 2}", "26:14: variants[0].footprint.sleep: the engine cannot sleep; an external command with sleep_path can, vllm with sleeps, and diffusers without offload plans"),
    ("activation of a language model", CHAT, "host_bytes: 4", "activation: {family: flux}", "26:19: variants[0].footprint.activation: is for diffusion; engines of texts have kv_bytes and compute_bytes"),
    ("component twice", CHAT, "{weights_bytes: 0}", "{weights_bytes: 0, activation: {family: flux, components: [{name: vae, bytes: 1}, {name: vae, bytes: 2}]}}", '31:105: variants[1].footprint.activation.components[1].name: "vae" is given twice'),
    ("offload of what", CHAT, "{weights_bytes: 0}", "{weights_bytes: 0, activation: {family: flux, offload: model}}", "31:71: variants[1].footprint.activation.offload: model offload needs the sizes of two components or more"),
    ("split over nothing", CHAT, "    footprint: {weights_bytes: 0}", "    split: 0\n    footprint: {weights_bytes: 0}", "31:12: variants[1].split: expected `int` >= 1"),
    ("source form", CHAT, "hf:org/alpha-gguf@main", "hf:alpha", '18:15: variants[0].weights.source: "hf:alpha" is not of the form hf:ORG/REPO or hf:ORG/REPO@COMMIT'),
    ("pypi without version", BETA, "pypi:beta-weights==1.0", "pypi:beta-weights", '13:15: variants[0].weights.source: "pypi:beta-weights" is not of the form pypi:DIST==VERSION'),
    ("pypi without digest", BETA, SHA, "", "15:11: variants[0].weights.files[0]: sha256 is needed for a pypi: source"),
    ("no files", CHAT, "      files:\n        - path: alpha-q8.gguf\n          bytes: 1000\n", "      files: []\n", "19:14: variants[0].weights.files: at least one file is needed; or a folder, for pipelines of many files"),
    ("path climbs", CHAT, "path: alpha-q8.gguf", "path: ../alpha-q8.gguf", '20:17: variants[0].weights.files[0].path: "../alpha-q8.gguf" must be a path inside the source'),
    ("absolute path", CHAT, "path: alpha-q8.gguf", "path: /alpha-q8.gguf", '20:17: variants[0].weights.files[0].path: "/alpha-q8.gguf" must be a path inside the source'),
    ("file twice", CHAT, "          bytes: 1000\n", "          bytes: 100\n        - {path: alpha-q8.gguf, bytes: 900}\n", '22:18: variants[0].weights.files[1].path: "alpha-q8.gguf" is given twice'),
    ("empty file", CHAT, "          bytes: 1000", "          bytes: 0", "21:18: variants[0].weights.files[0].bytes: a weight file is never empty"),
    ("small footprint", CHAT, "weights_bytes: 1000", "weights_bytes: 895", "23:22: variants[0].footprint.weights_bytes: 895 (and 4 on the host) is less than the files' 1000 bytes; weights_bytes counts what is loaded, host_bytes what stays in RAM"),
    ("nothing serves it", PICTURE, "why_not: only its maker serves it\n", "", "1:1: no variants, no cloud and no why_not; a model that nothing serves says why in why_not"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "expected"), [r[1:] for r in RULES], ids=[r[0] for r in RULES])
def test_rule(text: str, old: str, new: str, expected: str, tmp_path: Path) -> None:
    assert old in text
    files = {"llm/alpha.yaml": CHAT, "llm/beta.yaml": BETA, "image/picture.yaml": PICTURE}
    broken = next(name for name, good in files.items() if good == text)
    files[broken] = text.replace(old, new, 1)
    root = write(tmp_path, files)
    found = [line.replace(str(root), "ROOT") for line in shown(load(root).problems, root)]
    assert len(found) == 1
    assert found[0] == f"{broken}:{expected}"


def test_ids_are_unique_over_folders(tmp_path: Path) -> None:
    root = write(tmp_path, {"image/picture.yaml": PICTURE, "video/picture.yaml": PICTURE})
    found = [line.replace(str(root), "ROOT") for line in shown(load(root).problems, root)]
    assert found == ['video/picture.yaml:1:5: id: "picture" is also the id of ROOT/image/picture.yaml']


def test_a_long_circle_is_reported_once(tmp_path: Path) -> None:
    count = 600  # deeper than a recursive walk would survive comfortably
    files = {
        f"llm/m{i}.yaml": PICTURE.replace("id: picture", f"id: m{i}")
        + f"fallbacks: [{{when: [cannot_fit], to: m{(i + 1) % count}}}]\n"
        for i in range(count)
    }
    root = write(tmp_path, files)
    problems = load(root).problems
    assert len(problems) == 1
    assert problems[0].message.startswith("goes in a circle: m0 > m1 > ")


def test_two_ways_to_one_fallback_are_no_circle(tmp_path: Path) -> None:
    def model(name: str, *to: str) -> str:
        rules = ", ".join(f"{{when: [cannot_fit], to: {t}}}" for t in to)
        return PICTURE.replace("id: picture", f"id: {name}") + f"fallbacks: [{rules}]\n"

    root = write(tmp_path, {"a.yaml": model("a", "b", "c"), "b.yaml": model("b", "c"), "c.yaml": model("c")})
    assert load(root).problems == ()


def test_a_row_belongs_to_one_table(tmp_path: Path) -> None:
    files = {
        "image/picture.yaml": PICTURE + "catalog_rows: [Row Two, Row One]\n",
        "llm/alpha.yaml": CHAT,
        "llm/beta.yaml": BETA,
    }
    root = write(tmp_path, files)
    found = [line.replace(str(root), "ROOT") for line in shown(load(root).problems, root)]
    place = 'llm/alpha.yaml:10:16: catalog_rows[0]: "Row One"'
    assert found == [f"{place} is claimed by ROOT/image/picture.yaml, which is of modality image"]


def test_a_workflow_may_claim_rows_of_any_table(tmp_path: Path) -> None:
    text = PICTURE.replace("modality: image", "modality: workflow") + "catalog_rows: [Row One]\n"
    assert (
        load(write(tmp_path, {"workflows/picture.yaml": text, "llm/alpha.yaml": CHAT, "llm/beta.yaml": BETA})).problems
        == ()
    )


def test_sizes_of_one_family_share_a_row(tmp_path: Path) -> None:
    row = "catalog_rows: [Row Two]\n"
    other = PICTURE.replace("id: picture", "id: other")
    root = write(tmp_path, {"image/picture.yaml": PICTURE + row, "image/other.yaml": other + row})
    assert load(root).problems == ()


def test_expert_weights_on_the_host_count(tmp_path: Path) -> None:
    text = BETA.replace("{weights_bytes: 5000}", "{weights_bytes: 1500, host_bytes: 3500}")
    assert load(write(tmp_path, {"llm/beta.yaml": text})).problems == ()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/v1", "http://[::1]:9", "http://localhost:80", "https://example.org"]
)
def test_good_urls(url: str) -> None:
    assert url_fault(url) == ""


@pytest.mark.parametrize(
    "url",
    ["", "example.org", "ftp://example.org", "http://", "http://[::1", "https://a:b@example.org", "https://x.org/?k=1",
     "https://x.org:99999", "http://10.0.0.1", "http://localhost.example.org", "https://x.org/#a"],
)  # fmt: skip
def test_bad_urls(url: str) -> None:
    assert url_fault(url) != ""


FLUX = """\
id: flux
name: Flux
modality: image
tasks: [image, image_edit]
licence: x
open_weights: true
picture: {steps: 28, guidance: 3.5}
variants:
  - name: bf16
    engine:
      kind: diffusers
      pipelines: {generate: FluxPipeline, vary: FluxImg2ImgPipeline}
      loras: {style: {part: style}}
    weights: {source: 'hf:o/r', folder: {bytes: 1}}
    parts:
      style: {source: 'hf:o/s', folder: {bytes: 1}}
    footprint: {weights_bytes: 1}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("tasks: [image, image_edit]", "tasks: [image, inpaint]", "no variant has a pipeline for inpaint"),
        ("      style: {source", "      other: {source", 'there is no "style" among the variant\'s parts'),
        ("{generate: FluxPipeline, vary: FluxImg2ImgPipeline}", "{}", "at least one task is needed"),
        ("kind: diffusers\n", "kind: diffusers\n      quantise: {transformer: gguf}\n", "a GGUF file is a part"),
        (
            "kind: diffusers\n",
            "kind: diffusers\n      parts: {text: {class_name: T5EncoderModel}}\n",
            'there is no "text" among',
        ),
        ("    weights: {source: 'hf:o/r', folder: {bytes: 1}}\n", "", "diffusers needs weights"),
        (
            "folder: {bytes: 1}}\n    parts",
            "files: [{path: a, bytes: 1}], folder: {bytes: 1}}\n    parts",
            "goes without",
        ),
        ("hf:o/r", "pypi:x==1", "names its files"),
        ("picture: {steps: 28, guidance: 3.5}\n", "", "says so under picture"),
        (
            "style: {source: 'hf:o/s', folder: {bytes: 1}}",
            "style: {source: 'hf:o/s'}",
            "flux.yaml:16:14: variants[0].parts.style.files: at least one",
        ),
        (
            "style: {source: 'hf:o/s', folder: {bytes: 1}}",
            "style: {source: 'hf:s', folder: {bytes: 1}}",
            'parts.style.source: "hf:s" is not of the form',
        ),
        (
            "style: {source: 'hf:o/s', folder: {bytes: 1}}",
            "style: {source: 'pypi:a==1', files: [{path: ../a, bytes: 1}]}",
            "parts.style.files[0].path",
        ),
        ("{steps: 28,", "{steps: 28, width: 1001,", "is no multiple of 16"),
        ("{steps: 28,", "{steps: 28, width: 4096,", "is not between least_side and most_side"),
        ("{steps: 28,", "{steps: 28, most_pixels: 4,", "the default size is larger"),
        ("{steps: 28,", "{steps: 280,", "is more than most_steps"),
        ("generate: FluxPipeline", "generate: Flux2Pipeline", None),
        (
            "generate: FluxPipeline, vary: FluxImg2ImgPipeline}",
            "generate: Flux2Pipeline, vary: Flux2Pipeline}\n      cache: {kind: first_block}",
            "does not work with Flux 2",
        ),
        ("folder: {bytes: 1}}\n    parts", "folder: {bytes: 1}}\n    parts", None),
    ],
)
def test_rules_of_pictures(old: str, new: str, said: str | None, tmp_path: Path) -> None:
    assert old in FLUX
    root = write(tmp_path, {"image/flux.yaml": FLUX.replace(old, new, 1)})
    found = shown(load(root).problems, root)
    if said is None:
        assert found == []
    else:
        assert any(said in line for line in found), found


PROGRAM = """\
id: program
name: Program
modality: image
tasks: [image, inpaint]
licence: x
open_weights: true
variants:
  - name: only
    engine: {kind: external, command: [paint, '{socket}']}
    footprint: {weights_bytes: 1}
"""


def test_a_program_that_paints_is_told_sizes_and_a_server_is_not(tmp_path: Path) -> None:
    root = write(tmp_path, {"image/program.yaml": PROGRAM})
    assert [line.rpartition(": ")[2] for line in shown(load(root).problems, root)] == [
        "a model that makes pictures says so under picture"
    ]
    write(tmp_path, {"image/program.yaml": PROGRAM + "picture: {steps: 4}\n"})
    assert load(root).problems == ()
    server = PROGRAM.replace("command: [paint, '{socket}']", "url: 'http://127.0.0.1:9'")
    write(tmp_path, {"image/program.yaml": server})
    assert load(root).problems == ()
