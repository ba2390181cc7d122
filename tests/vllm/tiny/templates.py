"""Chat templates of the families: turns and tools as their makers write them, cut to what a test needs.

Written here: what a template of a maker says beside its format is not needed to try a format.
"""

_CALLS = "{%- for call in message.tool_calls or [] -%}"
_ARGUMENTS = "{{ call.function.arguments | tojson }}"
_EACH = "{%- for message in messages -%}"
_END = "{%- endfor -%}"
_TEXT = "{{ message.content if message.content is string else '' }}"


def turns(head: str, turn: str, ask: str) -> str:
    """``head`` for the tools, ``turn`` for each message, ``ask`` where the model goes on."""
    return head + _EACH + turn + _END + "{%- if add_generation_prompt -%}" + ask + "{%- endif -%}"


def _tools(before: str, after: str, each: str = "{{ tool | tojson }}\n") -> str:
    return "{%- if tools -%}" + before + "{%- for tool in tools -%}" + each + _END + after + "{%- endif -%}"


CHATML = turns(
    _tools("<|im_start|>system\n# Tools\n<tools>\n", "</tools><|im_end|>\n"),
    "<|im_start|>{{ message.role }}\n" + _TEXT + _CALLS
    + '<tool_call>\n{"name": "{{ call.function.name }}", "arguments": ' + _ARGUMENTS + "}\n</tool_call>"
    + _END + "<|im_end|>\n",
    "<|im_start|>assistant\n",
)  # fmt: skip

QWEN_CODER = turns(
    _tools("<|im_start|>system\n# Tools\n<tools>\n", "</tools><|im_end|>\n",
           "<function>\n<name>{{ tool.function.name }}</name>\n{{ tool.function.parameters | tojson }}\n</function>\n"),
    "<|im_start|>{{ message.role }}\n" + _TEXT + _CALLS + "<tool_call>\n<function={{ call.function.name }}>\n"
    + "{%- for name, value in call.function.arguments.items() -%}<parameter={{ name }}>\n{{ value }}\n</parameter>\n"
    + _END + "</function>\n</tool_call>" + _END + "<|im_end|>\n",
    "<|im_start|>assistant\n",
)  # fmt: skip

LLAMA_3 = turns(
    "<|begin_of_text|>" + _tools("<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"),
    "<|start_header_id|>{{ 'ipython' if message.role == 'tool' else message.role }}<|end_header_id|>\n\n" + _TEXT
    + _CALLS + '{"name": "{{ call.function.name }}", "parameters": {{ call.function.arguments | tojson }}}' + _END
    + "<|eot_id|>",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
)  # fmt: skip

_PYTHON = (
    _CALLS + "[{{ call.function.name }}({%- for name, value in call.function.arguments.items() -%}"
    "{{ name }}={{ value | tojson }}{{ '' if loop.last else ', ' }}" + _END + ")]" + _END
)

LLAMA_4 = turns(
    "<|begin_of_text|>" + _tools("<|header_start|>system<|header_end|>\n\n", "<|eot|>"),
    "<|header_start|>{{ 'ipython' if message.role == 'tool' else message.role }}<|header_end|>\n\n" + _TEXT + _PYTHON
    + "<|eot|>",
    "<|header_start|>assistant<|header_end|>\n\n",
)  # fmt: skip

MISTRAL = turns(
    "<s>" + _tools("[AVAILABLE_TOOLS][", "][/AVAILABLE_TOOLS]", "{{ tool | tojson }}{{ '' if loop.last else ', ' }}"),
    "{%- if message.role == 'tool' -%}[TOOL_RESULTS]" + _TEXT + "[/TOOL_RESULTS]"
    "{%- elif message.role == 'assistant' -%}" + _TEXT + _CALLS
    + '[TOOL_CALLS][{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}]' + _END
    + "</s>{%- else -%}[INST]" + _TEXT + "[/INST]{%- endif -%}",
    "",
)  # fmt: skip

GEMMA = turns(
    "<bos>" + _tools("<start_of_turn>user\n", "<end_of_turn>\n"),
    "<start_of_turn>{{ 'model' if message.role == 'assistant' else 'user' }}\n" + _TEXT + _PYTHON + "<end_of_turn>\n",
    "<start_of_turn>model\n",
)

PHI = turns(
    _tools("<|system|><|tool|>", "<|/tool|><|end|>"),
    "<|{{ message.role }}|>" + _TEXT + _CALLS
    + '<|tool_call|>[{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}]'
    + "<|/tool_call|>" + _END + "<|end|>",
    "<|assistant|>",
)  # fmt: skip

DEEPSEEK = turns(
    "<｜begin▁of▁sentence｜>" + _tools("## Tools\n", ""),
    "{%- if message.role == 'assistant' -%}<｜Assistant｜></think>" + _TEXT
    + "{%- if message.tool_calls -%}<｜tool▁calls▁begin｜>" + _CALLS
    + "<｜tool▁call▁begin｜>{{ call.function.name }}<｜tool▁sep｜>" + _ARGUMENTS + "<｜tool▁call▁end｜>"
    + _END + "<｜tool▁calls▁end｜>{%- endif -%}<｜end▁of▁sentence｜>"
    + "{%- elif message.role == 'tool' -%}<｜tool▁output▁begin｜>" + _TEXT + "<｜tool▁output▁end｜>"
    + "{%- else -%}<｜User｜>" + _TEXT + "{%- endif -%}",
    "<｜Assistant｜></think>",
)  # fmt: skip

KIMI = turns(
    _tools("<|im_system|>tool_declare<|im_middle|>", "<|im_end|>"),
    "<|im_{{ message.role }}|>{{ message.role }}<|im_middle|>" + _TEXT
    + "{%- if message.tool_calls -%}<|tool_calls_section_begin|>" + _CALLS
    + "<|tool_call_begin|>functions.{{ call.function.name }}:{{ loop.index0 }}<|tool_call_argument_begin|>"
    + "{{ call.function.arguments | tojson }}<|tool_call_end|>" + _END + "<|tool_calls_section_end|>{%- endif -%}"
    + "<|im_end|>",
    "<|im_assistant|>assistant<|im_middle|>",
)  # fmt: skip

GLM = turns(
    "[gMASK]<sop>" + _tools("<|system|>\n# Tools\n<tools>\n", "</tools>"),
    "<|{{ 'observation' if message.role == 'tool' else message.role }}|>\n" + _TEXT + _CALLS
    + "<tool_call>{{ call.function.name }}\n{%- for name, value in call.function.arguments.items() -%}"
    + "<arg_key>{{ name }}</arg_key>\n<arg_value>{{ value }}</arg_value>\n" + _END + "</tool_call>" + _END,
    "<|assistant|>\n",
)  # fmt: skip

MINIMAX = turns(
    "]~!b[" + _tools("]~b]system\n<tools>\n", "</tools>[e~[\n", "<tool>{{ tool.function | tojson }}</tool>\n"),
    "]~b]{{ 'ai' if message.role == 'assistant' else message.role }}\n" + _TEXT
    + "{%- if message.tool_calls -%}<minimax:tool_call>\n" + _CALLS + '<invoke name="{{ call.function.name }}">\n'
    + "{%- for name, value in call.function.arguments.items() -%}"
    + '<parameter name="{{ name }}">{{ value }}</parameter>\n' + _END + "</invoke>\n" + _END
    + "</minimax:tool_call>{%- endif -%}[e~[\n",
    "]~b]ai\n",
)  # fmt: skip

COHERE = turns(
    "<BOS_TOKEN>" + _tools("<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>", "<|END_OF_TURN_TOKEN|>"),
    "<|START_OF_TURN_TOKEN|><|{{ 'CHATBOT' if message.role == 'assistant' else message.role | upper }}_TOKEN|>" + _TEXT
    + "{%- if message.tool_calls -%}Action: ```json\n[" + _CALLS
    + '{"tool_name": "{{ call.function.name }}", "parameters": {{ call.function.arguments | tojson }}}' + _END
    + "]```{%- endif -%}<|END_OF_TURN_TOKEN|>",
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
)  # fmt: skip

INTERNLM = turns(
    "<s>" + _tools("<|im_start|>system name=<|plugin|>\n", "<|im_end|>\n"),
    "<|im_start|>{{ 'environment' if message.role == 'tool' else message.role }}\n" + _TEXT + _CALLS
    + '<|action_start|><|plugin|>\n{"name": "{{ call.function.name }}", "parameters": ' + _ARGUMENTS
    + "}<|action_end|>" + _END + "<|im_end|>\n",
    "<|im_start|>assistant\n",
)  # fmt: skip

LLAVA = turns(
    "<|begin_of_text|>",
    "<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n{%- if message.content is string -%}"
    "{{ message.content }}{%- else -%}{%- for part in message.content -%}"
    "{{ '<image>' if part.type == 'image' else part.text }}" + _END + "{%- endif -%}<|eot_id|>",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
)
