"""Every type of event as people read it, in both languages and in groups.

A type that the code records must stand here; a test reads the code for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages."""

    en: str
    zh: str

    def show(self, tag: str) -> str:
        """The text in the language of a tag."""
        return self.en if tag == "en" else self.zh


# In the order in which a person looks for them.
GROUPS: Mapping[str, Words] = {
    "recordings": Words("Recordings", "音像记录"),
    "access": Words("Looking and taking out", "调阅与导出"),
    "casefiles": Words("Case files", "案卷"),
    "docks": Words("Docks and recorders", "采集站与记录仪"),
    "accounts": Words("Accounts and registers", "账号与登记"),
    "refusals": Words("Refusals and failures", "拒绝与失败"),
    "store": Words("Store and fixity", "存储与完整性"),
    "ledger": Words("Ledger and policy", "台账与策略"),
}
_WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "recordings": {
        "recording.received": ("Recording received", "音像记录已接收"),
        "recording.presented_again": ("Presented again", "再次提交"),
        "recording.cleared": ("Cleared from the recorder", "已从记录仪清空"),
        "recording.noted": ("Note on the picture", "已添加批注"),
        "recording.labelled": ("Label set", "已设置标签"),
        "recording.unlabelled": ("Label removed", "已移除标签"),
        "recording.restricted": ("Access restricted", "已限制调阅"),
        "recording.probed": ("File looked into", "已检查文件"),
        "recording.released": ("Restriction lifted", "已解除调阅限制"),
        "recording.examined": ("Picture and sound examined", "已检查画面与声音"),
        "derivative.made": ("Poster, thumbnails or frames made", "已生成封面、缩略图或画面"),
    },
    "access": {
        "recording.viewed": ("Opened for viewing", "已调阅"),
        "recording.downloaded": ("Original downloaded", "已下载原件"),
        "recordings.previewed": ("Thumbnails looked at", "已查看缩略图"),
        "recording.access_revoked": ("Access ended early", "已提前终止调阅"),
        "recording.exported": ("Recording exported", "音像记录已导出"),
        "casefile.viewed": ("Case file opened", "案卷已查看"),
        "casefile.exported": ("Case file exported", "案卷已导出"),
        "casefile.document_downloaded": ("Document downloaded", "已下载文书"),
        "export.prepared": ("Export prepared", "导出已准备"),
        "export.downloaded": ("Package downloaded", "已下载证据包"),
        "export.cancelled": ("Export cancelled", "导出已取消"),
        "ledger.exported": ("Custody log exported", "保管台账已导出"),
    },
    "casefiles": {
        "casefile.opened": ("Case file made", "案卷已建立"),
        "casefile.attached": ("Recording attached", "已关联音像记录"),
        "casefile.detached": ("Recording detached", "已取消关联音像记录"),
        "casefile.document_added": ("Document added", "已添加文书"),
        "casefile.document_removed": ("Document removed", "已移除文书"),
        "recording.attached": ("Attached to a case file", "已关联案卷"),
        "recording.detached": ("Detached from a case file", "已取消关联案卷"),
    },
    "docks": {
        "dock.code_made": ("Enrolment code made", "已生成登记码"),
        "dock.enrolled": ("Dock enrolled", "采集站已登记"),
        "dock.revoked": ("Dock revoked", "采集站已撤销"),
        "recorder.docked": ("Recorder docked", "记录仪已接入"),
        "recorder.undocked": ("Docking ended", "接入已结束"),
        "recorder.issued": ("Recorder issued", "记录仪已领用"),
        "recorder.returned": ("Recorder returned", "记录仪已归还"),
    },
    "accounts": {
        "account.added": ("Account made", "账号已建立"),
        "account.changed": ("Account changed", "账号已更改"),
        "account.link_made": ("One-time link made", "已生成一次性链接"),
        "account.password_set": ("Password set", "已设置密码"),
        "account.signed_in": ("Signed in", "已登录"),
        "account.signed_out": ("Signed out", "已退出"),
        "account.session_revoked": ("Session ended by its owner", "本人结束了一处登录"),
        "token.added": ("Token made", "令牌已建立"),
        "token.revoked": ("Token revoked", "令牌已撤销"),
        "officer.added": ("Officer registered", "执法人员已登记"),
        "unit.added": ("Unit registered", "单位已登记"),
    },
    "refusals": {
        "request.refused": ("Request refused", "请求被拒绝"),
        "account.sign_in_failed": ("Sign-in failed", "登录失败"),
    },
    "store": {
        "store.checked": ("Store tried by the canary", "探针已检查存储"),
        "store.orphaned": ("Stored version left to its lock", "已存版本留待锁定到期"),
        "fixity.checked": ("Fixity checked", "已复核完整性"),
    },
    "ledger": {
        "work.requested": ("Background work asked for", "已请求后台处理"),
        "work.cancelled": ("Background work cancelled", "已取消后台处理"),
        "ledger.opened": ("Ledger opened", "台账已启用"),
        "ledger.key_added": ("Event key added", "已添加事件密钥"),
        "ledger.key_revoked": ("Event key revoked", "已撤销事件密钥"),
        "ledger.reviewed": ("Custody log reviewed", "保管台账已审阅"),
        "ledger.noted": ("Follow-up note", "跟进说明"),
        "policy.changed": ("Policy changed", "策略已更改"),
    },
}
GROUP_OF: Mapping[str, str] = {kind: group for group, kinds in _WORDS.items() for kind in kinds}
EVENT_WORDS: Mapping[str, Words] = {kind: Words(*words) for kinds in _WORDS.values() for kind, words in kinds.items()}
SUBJECT_WORDS: Mapping[str, Words] = {
    "recording": Words("Recording", "音像记录"),
    "casefile": Words("Case file", "案卷"),
    "recorder": Words("Recorder", "记录仪"),
    "dock": Words("Dock", "采集站"),
    "account": Words("Account", "账号"),
    "officer": Words("Officer", "执法人员"),
    "unit": Words("Unit", "单位"),
    "policy": Words("Policy", "策略"),
    "store": Words("Store", "存储"),
    "export": Words("Export", "导出"),
    "ledger": Words("Ledger", "台账"),
}
ACTOR_WORDS: Mapping[str, Words] = {
    "account": Words("Account", "账号"),
    "operator": Words("At the server's command line", "服务器命令行"),
    "dock": Words("Dock", "采集站"),
    "program": Words("Program", "程序"),
}

# Why something was refused, told of whoever asked: the sentences of a refusal speak to them instead.
REFUSAL_WORDS: Mapping[str, Words] = {
    "bad_digest": Words("the content was not the content that was signed", "内容与签名的内容不一致"),
    "bad_proof": Words("a wrong, used or expired enrolment code", "登记码错误、已使用或已过期"),
    "bad_signature": Words("the signature did not match", "签名不匹配"),
    "bad_time": Words("signed at another time than the server's", "签名时间与服务器时间相差过大"),
    "counter_reused": Words("one counter for two statements", "重复使用了同一计数"),
    "csrf": Words("a form that did not come from the session", "表单不是从该会话发出"),
    "digest_mismatch": Words("what was stored is not what the dock read", "存储内容与采集站读取的内容不一致"),
    "dock_revoked": Words("the dock was revoked", "采集站已被撤销"),
    "export_out_of_reach": Words(
        "the case file holds recordings outside the account's reach", "案卷中有超出该账号可见范围的音像记录"
    ),
    "grant_missing": Words("without a grant for these bytes", "没有调阅这些内容的授权"),
    "link_spent": Words("a one-time link used or expired before", "一次性链接已使用或已过期"),
    "manifest_mismatch": Words("the manifest was of another file", "清单与文件不符"),
    "nonce_used": Words("a request that was sent before", "请求重复发送"),
    "not_allowed": Words("the token does not allow it", "令牌无此权限"),
    "not_signed": Words("a request that was not signed", "请求未签名"),
    "not_permitted": Words("the role does not allow it", "角色无此权限"),
    "not_signed_in": Words("without being signed in", "未登录"),
    "not_your_export": Words("somebody else's package", "他人的证据包"),
    "out_of_reach": Words("outside the account's reach", "超出该账号可见范围"),
    "own_account": Words("a change of one's own account", "更改本人账号"),
    "restricted": Words("the recording is restricted", "该音像记录限制调阅"),
    "too_many_attempts": Words("too many attempts", "尝试次数过多"),
    "too_many_requests": Words("too many requests", "请求次数过多"),
    "sign_in_failed": Words("a wrong name or password", "账号或密码错误"),
    "sign_in_needed": Words("without being signed in", "未登录"),
    "token_needed": Words("without a token", "未提供令牌"),
    "unknown_dock": Words("a dock that is not enrolled here", "采集站未在此登记"),
    "unknown_key": Words("a key that nobody enrolled", "密钥未登记"),
}


def show_refusal(code: str, tag: str) -> str:
    """Why something was refused; a code from a later version of the program stays as the ledger has it."""
    words = REFUSAL_WORDS.get(code)
    return code if words is None else words.show(tag)


def show_type(event_type: str, tag: str) -> str:
    """A type in words; one from a later version of the program stays as the ledger has it."""
    words = EVENT_WORDS.get(event_type)
    return event_type if words is None else words.show(tag)


def list_types(group: str) -> tuple[str, ...]:
    """The types of a group; empty where there is no such group."""
    return tuple(_WORDS.get(group, ()))
