"""Every refusal of the register. IDN-: people, parties and nodes; REG-: registration."""

from __future__ import annotations

from datong.ground.refusal import Kind, Reason, Text

MEASURES = "公共数据资源登记管理暂行办法 发改数据规〔2025〕26号"


def _reason(
    code: str, kind: Kind, what: tuple[str, str], why: tuple[str, str], fix: tuple[str, str], *, article: str = ""
) -> Reason:
    return Reason(code, kind, Text(*what), Text(*why), Text(*fix), MEASURES if article else "", article)


BAD_CODE = _reason(
    "IDN-401",
    Kind.invalid,
    ("标识「{code}」未被接受。", "The identifier {code} was not accepted."),
    ("{why_zh}。", "It is not well-formed: {why}."),
    ("请核对后重新填写。", "Check it and enter it again."),
)
BAD_PERSON = _reason(
    "IDN-410",
    Kind.invalid,
    ("人员信息未保存。", "The person was not saved."),
    ("{count} 项信息有误。", "{count} of the facts given are wrong."),
    ("请按下列各项修改后重试。", "Mend the items listed and try again."),
)
OWN_ROLES = _reason(
    "IDN-411",
    Kind.denied,
    ("「{verb}」未执行。", "{verb} was not done."),
    ("不得变更本人的角色或状态（四眼原则）。", "Nobody changes their own roles or state (four eyes)."),
    ("请由另一名节点运维人员执行。", "Ask another operator of the node."),
)
ALREADY_STARTED = _reason(
    "IDN-412",
    Kind.conflict,
    ("首名运维人员未创建。", "The first operator was not made."),
    ("本节点已有人员。", "This node has people already."),
    ("请由现有运维人员添加。", "Ask an operator of the node to add the person."),
)
UNKNOWN_PERSON = _reason(
    "IDN-404",
    Kind.unknown,
    ("未找到人员。", "There is no such person."),
    ("本节点没有编号 {person}。", "This node knows no {person}."),
    ("请在人员列表中查找。", "Look it up in the list of people."),
)
WRONG_LOGIN = _reason(
    "IDN-403",
    Kind.denied,
    ("未登录。", "You were not logged in."),
    ("登录名或口令不正确。", "The login or the password is wrong."),
    ("请重试；忘记口令时请联系节点运维人员。", "Try again; if you forgot the password ask the node operator."),
)
THROTTLED = _reason(
    "IDN-429",
    Kind.denied,
    ("未登录。", "You were not logged in."),
    (
        "失败次数过多，{seconds} 秒内不再接受该登录名。",
        "Too many attempts failed; this login is not accepted for {seconds} s.",
    ),
    ("请稍候再试。", "Wait and try again."),
)
TOO_MANY_LOGINS = _reason(
    "GEN-520",
    Kind.unavailable,
    ("未登录。", "You were not logged in."),
    (
        "此刻正在核对的口令过多；您的口令未被核对，也不计为失败。",
        "Too many passwords are being compared just now; yours was not, and this counts as no failure.",
    ),
    (
        "请稍候再试，或使用节点运维人员给出的登录链接。",
        "Try again in a moment, or use a login link of the node operator.",
    ),
)
NO_SESSION = _reason(
    "IDN-405",
    Kind.denied,
    ("需要重新登录。", "You need to log in again."),
    ("会话不存在、已结束或已过期。", "The session does not exist, has ended or has expired."),
    ("请重新登录。", "Log in again."),
)
STOLEN_SESSION = _reason(
    "IDN-406",
    Kind.denied,
    ("会话已被结束。", "The session was ended."),
    (
        "它从另一客户端被使用，或使用了已更换的令牌，可能被盗。",
        "It was used from another client, or under a token already replaced; it may be stolen.",
    ),
    ("请重新登录；如非本人操作，请告知节点运维人员。", "Log in again; if that was not you, tell the node operator."),
)
NO_TOKEN = _reason(
    "IDN-407",
    Kind.denied,
    ("服务令牌未被接受。", "The service token was not accepted."),
    ("令牌不存在、已撤销或已过期。", "It does not exist, was revoked or has expired."),
    ("请节点运维人员签发新的令牌。", "Ask the node operator for a new one."),
)
BAD_TOKEN = _reason(
    "IDN-413",
    Kind.invalid,
    ("服务令牌未签发。", "The service token was not issued."),
    ("{count} 项信息有误。", "{count} of the facts given are wrong."),
    ("请按下列各项修改后重试。", "Mend the items listed and try again."),
)
NO_LINK = _reason(
    "IDN-408",
    Kind.denied,
    ("登录链接未被接受。", "The login link was not accepted."),
    ("链接不存在、已使用或已过期。", "It does not exist, was used or has expired."),
    ("请节点运维人员签发新的链接。", "Ask the node operator for a new one."),
)
UNKNOWN_PARTY = _reason(
    "IDN-414",
    Kind.unknown,
    ("未找到主体。", "There is no such party."),
    ("本节点不知道主体标识码 {code}。", "This node knows no subject code {code}."),
    ("请先登记该主体，或从功能节点获取目录。", "Add the party, or fetch the directory of the function node."),
)
UNKNOWN_NODE = _reason(
    "IDN-421",
    Kind.unknown,
    ("未找到节点。", "There is no such node."),
    ("目录中没有 {code}。", "The directory has no {code}."),
    ("请核对节点标识码，或向功能节点查询。", "Check the node code, or ask the function node."),
)
BAD_APPLICATION = _reason(
    "IDN-420",
    Kind.invalid,
    ("接入申请未被接受。", "The application to join was not accepted."),
    ("{count} 处有误。", "Mistakes in it: {count}."),
    ("请按下列各项修改后重新申请。", "Mend the items listed and apply again."),
)
BAD_RECORD = _reason(
    "IDN-422",
    Kind.denied,
    ("成员记录未被接受。", "The membership record was not accepted."),
    ("{why_zh}。", "It {why}."),
    ("请从功能节点重新获取，并核对其公钥。", "Fetch it from the function node again and check that node's key."),
)
NOT_FUNCTION_NODE = _reason(
    "IDN-424",
    Kind.conflict,
    ("「{verb}」未执行。", "{verb} was not done."),
    ("本节点不是功能节点（登记机构）。", "This node is not a function node (registry)."),
    ("请在功能节点上办理。", "Do it at the function node."),
)
ALREADY_CODED = _reason(
    "IDN-425",
    Kind.conflict,
    ("「{verb}」未执行。", "{verb} was not done."),
    ("本节点已有标识码 {code}；标识码一经赋予不再变更。", "This node has the code {code}; a code never changes."),
    ("无需再次办理。", "There is nothing to do."),
)
NODE_STATE = _reason(
    "IDN-426",
    Kind.conflict,
    ("成员状态未变更。", "The membership was not changed."),
    ("{code} 现为 {state}，不能转为 {wanted}。", "{code} is {state} and cannot become {wanted}."),
    ("已撤销的节点须重新申请接入。", "A revoked node must apply to join again."),
)
APPLICATIONS_FULL = _reason(
    "REG-440",
    Kind.unavailable,
    ("接入申请暂未受理。", "The application to join was not taken yet."),
    ("本节点已有 {most} 件申请待登记员决定。", "{most} applications wait here for the registrar already."),
    ("请稍后重新申请；登记员可用 admit-node --no-admit 驳回不相干的申请。",
     "Apply again later; the registrar can refuse idle ones with admit-node --no-admit."),
)  # fmt: skip

CREDIT_CODE = _reason(
    "REG-401",
    Kind.invalid,
    ("登记申请未被接受。", "The filing was not accepted."),
    ("{count} 个登记主体的统一社会信用代码有误。", "{count} registrants have a wrong credit code."),
    ("请按下列各项更正。", "Correct the items listed."),
    article="art. 9",
)
INCOMPLETE_DESCRIPTION = _reason(
    "REG-402",
    Kind.invalid,
    ("「{name}」未保存。", "{name} was not saved."),
    ("{count} 项描述有误或缺失。", "{count} items of its description are wrong or missing."),
    ("请按下列各项修改后重试。", "Mend the items listed and try again."),
    article="art. 9",
)
NO_EVIDENCE = _reason(
    "REG-404",
    Kind.conflict,
    ("登记申请未被接受。", "The filing was not accepted."),
    ("「{name}」没有存证。", "No evidence was preserved for {name}."),
    (
        "请先对来源文件存证（preserve_evidence），再提交。",
        "Preserve the evidence of its source files first (preserve_evidence), then submit.",
    ),
    article="art. 7",
)
PUBLICITY_OPEN = _reason(
    "REG-405",
    Kind.conflict,
    ("案件 {case} 未赋码。", "The case {case} was not coded."),
    ("公示期 10 个工作日至 {until} 方满{note_zh}。", "Its publicity of 10 working days runs to {until}{note}."),
    ("请在公示期满后办理。", "Code it after that day."),
    article="art. 12, 13",
)
OPEN_OBJECTION = _reason(
    "REG-406",
    Kind.conflict,
    ("案件 {case} 未赋码。", "The case {case} was not coded."),
    ("有 {count} 项异议未处理。", "{count} objections to it are open."),
    ("请先复核并处理异议（settle_objection）。", "Re-check and settle them first (settle_objection)."),
    article="art. 12",
)
TWICE = _reason(
    "REG-409",
    Kind.conflict,
    ("登记申请未被接受。", "The filing was not accepted."),
    ("「{name}」已有登记案件 {case}（{state}）。", "{name} has the registration case {case} already ({state})."),
    ("请在该案件中办理。", "Continue in that case."),
    article="art. 9",
)
WRONG_STATE = _reason(
    "REG-410",
    Kind.conflict,
    ("案件 {case} 未执行「{act}」。", "{act} was not done in the case {case}."),
    ("它处于 {state}。", "It is {state}."),
    ("现在可以：{open}。", "Open now: {open}."),
    article="art. 8",
)
SAME_PERSON = _reason(
    "REG-411",
    Kind.denied,
    ("案件 {case} 未审核。", "The case {case} was not reviewed."),
    (
        "审核人声明了登记对象或参与了申请，或与申请人一方的登录凭据由另一方签发。",
        "The reviewer declared its object or took part in its application, or one of the two let the other in.",
    ),
    ("请由另一名审核人员办理。", "Ask another reviewer."),
    article="art. 11",
)
SAME_DEPARTMENT = _reason(
    "REG-412",
    Kind.denied,
    ("案件 {case} 未审核。", "The case {case} was not reviewed."),
    (
        "登记机构同为登记主体，审核部门「{reviewer}」与申请部门「{applicant}」须不同。",
        "The registry's own body is a registrant: the department {reviewer} cannot review for {applicant}.",
    ),
    ("请由另一部门的审核人员办理。", "Ask a reviewer of another department."),
    article="art. 11",
)
TYPE_NOT_OFFERED = _reason(
    "REG-413",
    Kind.invalid,
    ("登记申请未建立。", "The case was not drafted."),
    (
        "「{type}」不是起草的登记类型；可起草：首次 first、变更 change、更正 correction。",
        "No case of the type {type} is drafted; drafted are: first, change, correction.",
    ),
    (
        "已赋码的案件用 register apply-to-cancel 注销、apply-to-renew 续展。",
        "Cancel or renew a coded case by `register apply-to-cancel` or `apply-to-renew`.",
    ),
    article="art. 9",
)
MATERIALS_MISSING = _reason(
    "REG-414",
    Kind.invalid,
    ("登记申请未被接受。", "The filing was not accepted."),
    ("缺少 {count} 项材料，已一次性列出。", "{count} materials are missing; this is all of them."),
    ("请一次补齐下列各项。", "Supply all items listed."),
    article="art. 9, 10",
)
NOT_PUBLIC = _reason(
    "REG-430",
    Kind.invalid,
    ("登记申请未被接受。", "The filing was not accepted."),
    (
        "产品「{name}」使用了 {count} 项公共数据资源，却未申报为公共数据产品。",
        "The product {name} is made of {count} resources of public data, and does not say that it is of public data.",
    ),
    (
        "请将 public_data 改为 true（amend_description），再提交。",
        "Set public_data to true (amend_description), then submit.",
    ),
    article="art. 5",
)
SUPPLEMENT_ONCE = _reason(
    "REG-415",
    Kind.conflict,
    ("未再次要求补正。", "No second supplement was requested."),
    (
        "案件 {case} 的补正要求须一次性告知，已告知过。",
        "What the case {case} misses must be told once, all together; it was told.",
    ),
    ("请受理，或说明理由不予受理（reject_case）。", "Accept it, or reject it with reasons (reject_case)."),
    article="art. 10",
)
NOT_JOINED = _reason(
    "REG-416",
    Kind.conflict,
    ("案件 {case} 未受理。", "The case {case} was not accepted."),
    ("{count} 个登记主体尚未确认。", "{count} registrants have not confirmed."),
    (
        "请其人员执行 join_filing；更正也可凭错误的证明（materials.proof）受理。",
        "Ask their people to confirm (join_filing); a correction is accepted upon the proof of the error too "
        "(materials.proof).",
    ),
    article="art. 7, 9(3)",
)
BAD_OBJECTION = _reason(
    "REG-417",
    Kind.invalid,
    ("异议未受理。", "The objection was not taken."),
    ("异议须实名并附证据；缺少 {count} 项。", "An objection needs a real name and evidence; {count} are missing."),
    ("请补齐下列各项。", "Supply the items listed."),
    article="art. 12",
)
UNKNOWN_CASE = _reason(
    "REG-418",
    Kind.unknown,
    ("未找到登记案件。", "There is no such case."),
    ("本节点没有案件 {case}。", "This node has no case {case}."),
    ("请在案件列表中查找。", "Look it up in the list of cases."),
)
UNKNOWN_THING = _reason(
    "REG-419",
    Kind.unknown,
    ("未找到{kind_zh}。", "There is no such {kind}."),
    ("本节点及其账本没有 {code}。", "Neither this node nor its copy of the ledger has {code}."),
    ("请核对标识，或等待账本同步。", "Check the identifier, or wait for the ledger to arrive."),
)
BAD_FILING = _reason(
    "REG-420",
    Kind.invalid,
    ("消息未被接受。", "The message was not accepted."),
    ("{why_zh}。", "It {why}."),
    ("请更正后重新发送。", "Mend it and send it again."),
)
NOT_RENEWABLE = _reason(
    "REG-431",
    Kind.conflict,
    ("案件 {case} 的续展未执行。", "The case {case} was not renewed."),
    ("{why_zh}。", "That is because {why}."),
    (
        "请在届满前 60 日内申请，并写明更长的授权运营期限；已届满的由登记机构注销后重新登记。",
        "Apply within the 60 days before its last day, with an operation's term that is longer; what has lapsed is "
        "cancelled by the registry and registered anew.",
    ),
    article="art. 15",
)
BAD_GROUND = _reason(
    "REG-432",
    Kind.invalid,
    ("案件 {case} 的登记未终止。", "The registration of the case {case} was not ended."),
    ("「{ground}」在此不是理由：{why_zh}。", "{ground} is no ground for it here: {why}."),
    ("可用的理由：{grounds}。", "Grounds here: {grounds}."),
    article="art. 9(4), 15, 20",
)
NO_REASONS = _reason(
    "REG-421",
    Kind.invalid,
    ("「{act}」未执行。", "{act} was not done."),
    ("须书面说明理由。", "It must state its reasons in writing."),
    ("请填写理由。", "Give the reasons."),
    article="art. 10, 12",
)
ALREADY_REGISTERED = _reason(
    "REG-422",
    Kind.conflict,
    ("「{name}」未修改。", "{name} was not changed."),
    ("它已提交登记或已赋码；变更须办理变更登记。", "It is filed or coded; a change needs a registration of change."),
    (
        "赋码后请起草变更登记：register draft-case --type change --changes；许可条款用 change-licence。",
        "Once it is coded, draft one: `register draft-case --type change --changes`; terms of the licence change by "
        "`change-licence`.",
    ),
    article="art. 9(2)",
)
NOT_CHANGEABLE = _reason(
    "REG-433",
    Kind.conflict,
    ("「{name}」的登记未变更。", "The registration of {name} was not changed."),
    ("{why_zh}。", "That is because {why}."),
    (
        "请核对台账（register ledger）后重新起草；已提交的待补正时重新提交；首次登记前用 amend_description。",
        "Look at the ledger (`register ledger`) and draft it anew; what is filed already is filed again once the "
        "registry asks for a supplement; before the first registration use amend_description.",
    ),
    article="art. 9(2), 9(3), 15",
)
CHANGES_NOTHING = _reason(
    "REG-434",
    Kind.invalid,
    ("「{name}」的登记未变更。", "The registration of {name} was not changed."),
    ("申请内容与台账相同。", "What is asked for is what the ledger says already."),
    (
        "请用 changes 写明要变更的项目，或先对新的来源文件存证（preserve_evidence）。",
        "Name what is to change in `changes`, or preserve the evidence of the new source files first "
        "(preserve_evidence).",
    ),
    article="art. 9(2), 9(3)",
)
CHANGE_UNDER_REVIEW = _reason(
    "REG-435",
    Kind.conflict,
    ("案件 {case} 未受理。", "The case {case} was not accepted."),
    (
        "同一登记的案件 {other} 正在办理（{state}）。",
        "The case {other} of the same registration is under way ({state}).",
    ),
    ("请先办结该案件。", "Bring that one to its end first."),
    article="art. 9(2), 9(3)",
)
NO_REGISTRY = _reason(
    "REG-423",
    Kind.conflict,
    ("案件 {case} 未提交。", "The case {case} was not submitted."),
    ("本节点尚未接入功能节点，没有登记机构。", "This node has not joined a function node, so there is no registry."),
    ("请先申请接入（apply_to_join）并等待批准。", "Apply to join (apply_to_join) and wait to be admitted."),
)
NOT_FIT = _reason(
    "REG-424",
    Kind.invalid,
    ("存证未保存。", "The evidence was not preserved."),
    ("{count} 项摘要有误。", "{count} digests are wrong."),
    (
        "每个来源文件给出 sha256:<64 位十六进制>（国密节点为 sm3:）。",
        "Give sha256:<64 hexadecimal digits> for every source file (on a node of profile guomi: sm3:).",
    ),
    article="art. 7",
)
ALREADY_JOINED = _reason(
    "REG-425",
    Kind.conflict,
    ("案件 {case} 未再次确认。", "The case {case} was not confirmed again."),
    ("主体 {party} 已确认本次申请。", "{party} has confirmed this filing already."),
    ("无需再办；重新提交后方可再次确认。", "Nothing is left to do; it is confirmed anew when it is filed anew."),
    article="art. 7",
)
NOT_CODED = _reason(
    "REG-426",
    Kind.conflict,
    ("「{name}」的许可条款未变更。", "The licence terms of {name} were not changed."),
    ("它尚未赋码，不在台账中。", "It has no code yet, so the ledger does not hold it."),
    ("赋码前请用 amend_description 修改描述。", "Before it is coded, amend its description (amend_description)."),
)
UNKNOWN_CREDENTIAL = _reason(
    "IDN-460",
    Kind.unknown,
    ("成员凭证「{id}」未找到。", "The membership credential {id} was not found."),
    ("本节点未签发过它。", "This node never gave it out."),
    ("已签发的凭证见 issued_credentials。", "issued_credentials lists those it gave out."),
)
CREDENTIAL_STATE = _reason(
    "IDN-461",
    Kind.conflict,
    ("成员凭证「{id}」未吊销。", "The membership credential {id} was not revoked."),
    ("其状态为 {state}。", "It is {state}."),
    ("吊销后不可恢复；需要时请重新签发。", "A revocation is for good; issue a new credential where one is needed."),
)
BAD_DAYS = _reason(
    "IDN-462",
    Kind.invalid,
    ("成员凭证未签发。", "The membership credential was not issued."),
    ("有效期 {days} 天不在 1 至 {most} 之间。", "{days} days is not between 1 and {most}."),
    ("请改用其间的天数。", "Give a number of days between them."),
)
