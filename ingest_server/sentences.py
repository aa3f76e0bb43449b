"""What the server says when it refuses: one code, one English and one Chinese sentence each."""

SENTENCES: dict[str, tuple[str, str]] = {
    "already_exists": ("It already exists with other values.", "已存在，且内容不同。"),
    "bad_digest": ("The content is not the content that was signed.", "内容与签名的内容不一致。"),
    "bad_evidence_id": ("This is no evidence ID of 26 characters.", "这不是 26 位的证据编号。"),
    "bad_proof": ("The code is wrong, used or expired.", "登记码错误、已使用或已过期。"),
    "bad_request": ("The request is not in the expected form.", "请求格式不正确。"),
    "bad_signature": ("The signature does not match.", "签名不匹配。"),
    "bad_time": ("The request was signed at another time than now.", "请求的签名时间与当前时间相差过大。"),
    "basis_missing": (
        "Say on what basis: a case file number, a complaint number or an article of law.",
        "请填写依据：案号、投诉编号或法律条款。",
    ),
    "canary_failed": (
        "The store does not hold what it accepts; nothing is received until it does.",
        "存储未通过保护检查，暂停接收。",
    ),
    "catalogue_damaged": ("The catalogue cannot be read.", "目录数据库无法读取。"),
    "clearing_not_allowed": (
        "The policy does not allow clearing on this store.",
        "当前策略不允许在此存储上清空记录仪。",
    ),
    "conflict": ("Somebody else changed it meanwhile; look again.", "内容已被他人更改，请重新查看。"),
    "csrf": (
        "This form does not come from your session; open the page again.",
        "表单不是从您的会话发出的，请重新打开页面。",
    ),
    "counter_reused": ("The dock used one counter for two statements.", "采集站重复使用了同一计数。"),
    "database_damaged": ("A database of the data folder is damaged.", "数据目录中的数据库已损坏。"),
    "derivative_differs": (
        "The stored picture is not the one that was made; it is not shown.",
        "存储中的图片与生成时不一致，不予显示。",
    ),
    "digest_mismatch": ("What is stored is not what the dock read.", "存储内容与采集站读取的内容不一致。"),
    "dock_revoked": ("This dock was revoked.", "该采集站已被撤销。"),
    "document_empty": ("The file is empty; nothing was added.", "文件为空，未添加。"),
    "document_large": ("The file is larger than the policy allows.", "文件超过策略允许的大小。"),
    "document_type": (
        "This kind of file is not taken as a text record.",
        "不接受此类文件作为文字记录。",
    ),
    "export_failed": (
        "The package could not be made; nothing of it was kept.",
        "证据包未能生成，未保留任何内容。",
    ),
    "export_out_of_reach": (
        "The case file holds recordings outside your reach; somebody who reaches all of them must export it.",
        "案卷中有超出您可见范围的音像记录，请由能查看全部记录的人员导出。",
    ),
    "export_under_way": (
        "Your package of this case file is still being made.",
        "您对该案卷的证据包仍在生成中。",
    ),
    "grant_missing": (
        "There is no grant for these bytes in this session; open the recording again and say why.",
        "本次会话没有调阅这些内容的授权，请重新打开该记录并说明理由。",
    ),
    "internal": ("The server failed; nothing was called done.", "服务器出错，未确认任何操作。"),
    "ledger_stopped": ("The ledger takes nothing more; the administrator must look.", "台账已停止写入，请联系管理员。"),
    "link_spent": (
        "This link was used before or has expired; ask for another.",
        "此链接已使用或已过期，请索取新的链接。",
    ),
    "lock_missing": ("The store did not lock what it stored.", "存储未对内容加锁。"),
    "manifest_mismatch": ("The manifest is of another file, docking or ledger.", "文件声明与文件、接入或台账不符。"),
    "nonce_used": ("The request was sent before.", "请求重复发送。"),
    "not_allowed": ("This token may not do that.", "该令牌无此权限。"),
    "not_attached": ("It is not attached at that stage.", "未在该环节关联。"),
    "not_found": ("There is no such thing here.", "未找到。"),
    "no_such_casefile": ("There is no case file with this number.", "没有此编号的案卷。"),
    "not_in_reach": (
        "There is no such recording within your reach.",
        "在您的可见范围内没有这条音像记录。",
    ),
    "not_known": ("This file is not known yet; upload it.", "该文件尚未接收，请上传。"),
    "not_permitted": ("Your role does not allow that.", "您的角色无此权限。"),
    "not_signed": ("The request is not signed as a dock's.", "请求没有采集站签名。"),
    "not_your_export": (
        "Only who asked for this package may do that.",
        "只有申请生成该证据包的人员可以执行此操作。",
    ),
    "nothing_to_export": (
        "Nothing is attached to this case file, so there is nothing to export.",
        "案卷尚未关联任何音像记录，无可导出内容。",
    ),
    "own_account": (
        "Nobody disables their own account or changes their own role; ask another security administrator.",
        "不得停用本人账号或更改本人角色，请由其他安全管理员办理。",
    ),
    "package_gone": (
        "The package's file is no longer kept; make another.",
        "证据包文件已不再保留，请重新生成。",
    ),
    "nothing_chosen": ("Choose at least one recording, at most 1000.", "请至少选择一条音像记录，至多 1000 条。"),
    "officer_unknown": ("There is no such officer in the register.", "登记中没有此人员。"),
    "note_time_wrong": (
        "Write the time in the recording as minutes and seconds, such as 7:05.",
        "请按分和秒填写录像中的时间，例如 7:05。",
    ),
    "out_of_reach": (
        "This recording is outside what you may open. Ask the head of its unit; your attempt was recorded.",
        "该音像记录超出您的可见范围。请向采集单位负责人申请；本次尝试已记录。",
    ),
    "parts_differ": ("The store's parts are not the parts named.", "存储中的分片与所列分片不一致。"),
    "part_refused": ("The part was refused.", "分片被拒绝。"),
    "passwords_differ": ("The two passwords are not the same.", "两次输入的密码不一致。"),
    "password_wrong": ("The present password is wrong.", "当前密码不正确。"),
    "password_short": (
        "The password is too short; a sentence of several words is good.",
        "密码太短，可使用由多个词组成的句子。",
    ),
    "password_simple": (
        "The password is too easy to guess.",
        "密码过于简单，容易被猜出。",
    ),
    "purpose_missing": ("Choose what you open it for.", "请选择调阅目的。"),
    "reason_missing": ("Say in a sentence why.", "请用一句话说明理由。"),
    "restricted": (
        "This recording is restricted. Ask a supervisor of the unit that collected it; your attempt was recorded.",
        "该音像记录已限制调阅。请向采集单位负责人申请；本次尝试已记录。",
    ),
    "recorder_held": (
        "Somebody holds this recorder already; take it back first.",
        "该记录仪已由他人领用，请先办理归还。",
    ),
    "sign_in_failed": (
        "Name or password are wrong, or the account is disabled.",
        "账号或密码不正确，或账号已停用。",
    ),
    "sign_in_needed": ("Sign in first.", "请先登录。"),
    "store_unavailable": ("The object store cannot be reached at the moment.", "暂时无法连接对象存储。"),
    "text_unfit": (
        "The text is empty, too long, or holds characters that cannot be seen (control or direction marks).",
        "文字为空、过长，或含有不可见字符（控制符或方向符）。",
    ),
    "token_needed": ("A valid token is needed.", "需要有效令牌。"),
    "too_large": ("The request is too large.", "请求过大。"),
    "too_many_attempts": (
        "Too many wrong passwords; wait a quarter of an hour or ask your administrator for a new link.",
        "密码错误次数过多，请稍后再试，或请管理员发送新的链接。",
    ),
    "too_many_saved": (
        "You have saved 50 searches; remove one first.",
        "您已保存 50 个筛选条件，请先删除一个。",
    ),
    "too_many_requests": ("Too many attempts; wait a minute.", "尝试次数过多，请稍候。"),
    "unknown_dock": ("This dock is not enrolled here.", "该采集站未在此登记。"),
    "upload_gone": ("The upload no longer exists; begin again.", "上传已不存在，请重新开始。"),
    "wrong_time": (
        "That time cannot be: it is none, still to come, or before the last hand-over.",
        "时间不成立：格式有误、尚未到来，或早于上次交接。",
    ),
    "wrong_usage": ("That cannot be done so.", "用法不正确。"),
}
