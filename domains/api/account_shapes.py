"""The shapes of arguments and answers of the calls under `/api/v1/amc`, for the OpenAPI description only."""

from __future__ import annotations

from foundation.web.shapes import answer, flag, many, number, shape, string

_Membership = shape(
    "DepartmentOfAccount",
    "The domain of a person.",
    department_moid=string(),
    department_name=string(),
    department_position=string(),
)
_Account = shape(
    "AccountRow",
    "An account. Members that are not kept here are empty.",
    account=string("The login name."),
    account_moid=string(),
    account_jid=string(),
    name=string(),
    e164=string(),
    email=string(),
    mobile=string(),
    password=string("Always empty."),
    enable=flag(),
    binded=flag("1: has a number."),
    limited=flag(),
    sex=flag(),
    date_of_birth=string(),
    ext_num=string(),
    fax=string(),
    office_location=string(),
    job_num=string(),
    departments=many(_Membership),
)
Accounts = answer(
    "AccountRows",
    "People.",
    total=number(),
    accounts=many(_Account),
    next_cursor=string("With a cursor only. Empty: the last page.", required=False),
)
OneAccount = answer("OneAccount", "An account.", _Account)
AnyAccount = answer("AnyAccount", "An account.", user=_Account())
ChangedAccount = shape(
    "ChangedAccount",
    "The members that change.",
    account=string(required=False),
    name=string(required=False),
    e164=string(required=False),
    email=string(required=False),
    mobile=string(required=False),
    enable=flag(required=False),
)
NewAccount = shape(
    "NewAccount",
    "A person.",
    account=string("The login name."),
    name=string(),
    password=string(),
    e164=string(required=False),
    email=string(required=False),
    mobile=string(required=False),
    user_domain_moid=string("A domain that you administer; empty: your own.", required=False),
)
Created = answer("AccountCreated", "A new account.", account_moid=string())
Disable = shape("DisableAccount", "Nothing more is needed.", e164=string(required=False))
NewPassword = shape("NewPassword", "A password.", value=string())
Department = shape(
    "Department",
    "A department.",
    parent_department_moid=string(required=False),
    department_name=string(required=False),
)
_SubDepartment = shape(
    "SubDepartment", "A department below.", department_moid=string(), department_name=string()
)
Departments = answer(
    "Departments",
    "The tree of departments.",
    seqencing=flag(),
    department_moid=string(),
    department_name=string(),
    departments=many(_SubDepartment),
)
Approval = shape(
    "Approval",
    "Whether conferences need approval.",
    user_domain_moid=string(required=False),
    real_approval=flag(),
    video_approval=flag(),
)
Approvals = answer(
    "Approvals", "Whether conferences need approval.", real_approval=flag(), video_approval=flag()
)
_Group = shape("PublicGroup", "A group.", public_group_moid=string(), name=string())
PublicGroups = answer("PublicGroups", "None.", public_groups=many(_Group))
_UserDomain = shape(
    "UserDomainRow", "A user domain.", moid=string(), name=string(), parent_moid=string()
)
UserDomains = answer("UserDomains", "User domains.", total=number(), userDomains=many(_UserDomain))
RecorderLogin = shape(
    "RecorderLogin", "Name and password.", username=string(), psd=string(), account_token=string()
)
RecorderLoggedIn = answer(
    "RecorderLoggedIn",
    "The person is logged in.",
    username=string(),
    usermoid=string(),
    userdomainmoid=string(),
    rightmask=number(),
    userrole=number(0, 2),
    token=string("The value of the login cookie."),
)
