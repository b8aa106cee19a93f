"""Rules over gRPC: each message read into what the verbs take, each answer written into its message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bento_services.admission.endpoints import CATALOG
from bento_services.catalog.rules import Rules
from bento_services.engine import Engine
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.messages import changed, if_match, message_of, set_fields, stated
from bento_services.rpc.verb import Call, Verb
from bento_services.verbs.rule_preview import preview_of

messages: Any = marquee_pb2
LIMIT = 20  # where a message says none


async def _list(engine: Engine, request: Any, call: Call) -> Any:
    return message_of(await Rules(engine.catalog).listed(), messages.RuleList)


async def _get(engine: Engine, request: Any, call: Call) -> Any:
    return message_of(await Rules(engine.catalog).get(request.rule_id), messages.Rule)


async def _put(engine: Engine, request: Any, call: Call) -> Any:
    rule, version = request.rule, if_match(request, least=0)
    found = await Rules(engine.catalog).put(rule.rule_id, stated(rule), call.caller.who, version, request.why)
    return message_of(found, messages.RuleWritten)


async def _patch(engine: Engine, request: Any, call: Call) -> Any:
    fields = changed(request.rule, request.cleared)
    rule_id, version = fields.pop("rule_id", ""), if_match(request)
    found = await Rules(engine.catalog).patch(rule_id, fields, call.caller.who, version, request.why)
    return message_of(found, messages.RuleWritten)


async def _remove(engine: Engine, request: Any, call: Call) -> Any:
    version = if_match(request)
    found = await Rules(engine.catalog).remove(request.rule_id, call.caller.who, version, request.why)
    return message_of(found, messages.RuleRemoved)


async def _history(engine: Engine, request: Any, call: Call) -> Any:
    found = await Rules(engine.catalog).history(request.rule_id, request.limit or LIMIT)
    return message_of(found, messages.RuleHistory)


async def _preview(engine: Engine, request: Any, call: Call) -> Any:
    sent = {**set_fields(request), "rule": stated(request.rule)}
    return message_of(await preview_of(engine, sent, call.caller), messages.RulePreview)


VERBS: Mapping[str, Verb] = {
    "ListRules": Verb(messages.ListRulesRequest, CATALOG, _list),
    "GetRule": Verb(messages.GetRuleRequest, CATALOG, _get),
    "PutRule": Verb(messages.PutRuleRequest, CATALOG, _put),
    "PatchRule": Verb(messages.PatchRuleRequest, CATALOG, _patch),
    "RemoveRule": Verb(messages.RemoveRuleRequest, CATALOG, _remove),
    "GetRuleHistory": Verb(messages.GetRuleHistoryRequest, CATALOG, _history),
    "PreviewRule": Verb(messages.PreviewRuleRequest, CATALOG, _preview),
}
