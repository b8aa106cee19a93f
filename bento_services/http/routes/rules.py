"""Rules that are changed while pages are served: every page keeps a change within seconds."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request

from bento_services.admission.endpoints import CATALOG
from bento_services.admission.problem import malformed
from bento_services.catalog.rules import RuleHistory, RuleList, RuleRemoved, Rules, RuleWritten, ShownRule
from bento_services.feed.preview import Preview
from bento_services.http.bodies import Answer, sent_json
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import IfMatch, IfNoneMatch, Limit, Why, engine_of, version_of
from bento_services.http.schemas.limited import ID_PATTERN
from bento_services.http.schemas.rules import NewRule, RuleIn, RulePatch, RulePreview
from bento_services.verbs.rule_preview import preview_of

RULES = "/api/v1/rules"
ERRORS = (404, 412, 422)

RuleId = Annotated[str, Path(json_schema_extra={"pattern": ID_PATTERN})]

ruled = Endpoints("rules", slash_encoded=True)


@ruled.get(RULES, CATALOG)
async def rules(request: Request) -> Answer[RuleList]:
    """All rules by id, those that do not hold now included."""
    return Answer(await _rules(request).listed())


@ruled.post(RULES, CATALOG, takes=(NewRule,), status=201, errors=(412,))
async def add(request: Request, why: Why = "") -> Answer[RuleWritten]:
    """Add a rule; its id must be new."""
    return _answer(await _rules(request).put("", await sent_json(request), request.state.caller.who, 0, why))


@ruled.post(f"{RULES}:preview", CATALOG, takes=(RulePreview,), errors=(404,))
async def preview(request: Request) -> Answer[Preview]:
    """A viewer's page without a rule and with it; nothing is kept."""
    return Answer(await preview_of(engine_of(request), await sent_json(request), request.state.caller))


@ruled.get(f"{RULES}/{{rule_id:path}}/history", CATALOG, errors=(404, 422))
async def history(request: Request, rule_id: RuleId, limit: Limit = 20) -> Answer[RuleHistory]:
    """Who changed a rule when, from what to what: the newest changes; also of one that was removed."""
    return Answer(await _rules(request).history(rule_id, limit))


@ruled.get(f"{RULES}/{{rule_id:path}}", CATALOG, errors=(404, 422))
async def rule(request: Request, rule_id: RuleId) -> Answer[ShownRule]:
    """One rule."""
    found = await _rules(request).get(rule_id)
    return Answer(found, headers={"etag": f'"{found.version}"'})


@ruled.put(f"{RULES}/{{rule_id:path}}", CATALOG, takes=(RuleIn,), errors=(404, 412))
async def put(
    request: Request, rule_id: RuleId, if_match: IfMatch = "", if_none_match: IfNoneMatch = "", why: Why = ""
) -> Answer[RuleWritten]:
    """Create a rule (201), or replace it (200)."""
    if if_match and if_none_match:
        raise malformed("If-None-Match: expected none beside If-Match", field="If-None-Match")
    version = 0 if if_none_match else version_of(if_match)
    sent = await sent_json(request)
    return _answer(await _rules(request).put(rule_id, sent, request.state.caller.who, version, why))


@ruled.patch(f"{RULES}/{{rule_id:path}}", CATALOG, takes=(RulePatch,), errors=(404, 412))
async def patch(request: Request, rule_id: RuleId, if_match: IfMatch = "", why: Why = "") -> Answer[RuleWritten]:
    """Change some fields of a rule, such as `enabled`."""
    sent = await sent_json(request)
    return _answer(await _rules(request).patch(rule_id, sent, request.state.caller.who, version_of(if_match), why))


@ruled.bare("DELETE", f"{RULES}/{{rule_id:path}}", CATALOG, errors=ERRORS)
async def remove(request: Request, rule_id: RuleId, if_match: IfMatch = "", why: Why = "") -> Answer[RuleRemoved]:
    """Remove a rule; its history stays."""
    return Answer(await _rules(request).remove(rule_id, request.state.caller.who, version_of(if_match), why))


def _rules(request: Request) -> Rules:
    return Rules(engine_of(request).catalog)


def _answer(found: RuleWritten) -> Answer[RuleWritten]:
    return Answer(found, 201 if found.created else 200, {"etag": f'"{found.rule.version}"'})
