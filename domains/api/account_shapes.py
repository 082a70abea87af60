"""Define the shapes of arguments and answers of the calls under `/api/v1/amc`, for the OpenAPI description only."""

from __future__ import annotations

from rest_framework import serializers

from foundation.web.shapes import (
    answer,
    flag,
    many,
    many_or_none,
    name,
    number,
    shape,
    string,
    text,
)

_Membership = shape(
    "DepartmentOfAccount",
    "The department of a person, or the domain.",
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
_GivenDepartment = shape(
    "GivenDepartment",
    "A department of the account's domain; empty: none.",
    department_moid=string(),
    department_position=text(64, required=False),
)
ChangedAccount = shape(
    "ChangedAccount",
    "The members that change.",
    account=string(required=False),
    name=string(required=False),
    e164=string(required=False),
    email=string(required=False),
    mobile=string(required=False),
    enable=flag(required=False),
    departments=many_or_none(_GivenDepartment, "At most one."),
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
    departments=many_or_none(_GivenDepartment, "At most one."),
)
Created = answer("AccountCreated", "A new account.", account_moid=string())
Disable = shape("DisableAccount", "Nothing more is needed.", e164=string(required=False))
NewPassword = shape("NewPassword", "A password.", value=string())
NewDepartment = shape(
    "NewDepartment",
    "A department.",
    parent_department_moid=string("The department above, or the user domain."),
    department_name=name(64),
)
ChangedDepartment = shape(
    "ChangedDepartment", "What changes of a department.", department_name=name(64)
)
DepartmentCreated = answer("DepartmentCreated", "A new department.", department_moid=string())
_SubDepartment = shape(
    "SubDepartment",
    "A department; `departments` are those below it, of the same form.",
    seqencing=flag(),
    department_moid=string(),
    department_name=string(),
    departments=serializers.ListField(child=serializers.DictField()),
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
_PublicGroup = shape(
    "PublicGroup",
    "The address book of a user domain.",
    public_group_moid=string(),
    name=string(),
    version=string("It changes whenever a group or a person does."),
)
PublicGroups = answer(
    "PublicGroups", "Address books.", total=number(), public_groups=many(_PublicGroup)
)
_Group = shape(
    "Group", "A group of an address book.", moid=string(), name=string(), parent_moid=string()
)
GroupsOfPublicGroup = answer(
    "GroupsOfPublicGroup",
    "The groups of an address book.",
    public_group_moid=string(),
    groups=many(_Group),
)
_User = shape(
    "UserOfPublicGroup",
    "A person. Members that are not kept here are empty.",
    **{
        name_: string()
        for name_ in (
            *("moid", "jid", "account", "email", "e164", "mobile", "name", "group_moid"),
            *("ext_num", "seat", "brief", "portrait40", "portrait64", "portrait128"),
        )
    },
)
UsersOfPublicGroup = answer(
    "UsersOfPublicGroup", "The people of an address book.", total=number(), users=many(_User)
)
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
