"""Define the addresses of calls about accounts, below `/api/v1/`, and of one below `/api5/`."""

from django.urls import path

from domains.api import account_calls, department_calls, views

_ONE = "amc/accounts/<str:moid>"
_DEPARTMENT = "amc/departments/<str:moid>"
_GROUP = "amc/public_groups/<str:moid>"
urlpatterns = [
    path("amc/accounts", account_calls.Accounts.as_view()),
    path(_ONE, account_calls.OneAccount.as_view()),
    path(f"{_ONE}/disable", account_calls.Disable.as_view()),
    path(f"{_ONE}/password", account_calls.Password.as_view()),
    path("amc/departments", department_calls.Departments.as_view()),
    path(_DEPARTMENT, department_calls.OneDepartment.as_view()),
    path(f"{_DEPARTMENT}/accounts", department_calls.DepartmentAccounts.as_view()),
    path("amc/approval_infos", account_calls.Approvals.as_view()),
    path("amc/public_groups", department_calls.PublicGroups.as_view()),
    path(_GROUP, department_calls.OnePublicGroup.as_view()),
    path(f"{_GROUP}/users", department_calls.PublicGroupUsers.as_view()),
    path("amc/userdomains", account_calls.UserDomains.as_view()),
    path("vrs/login", views.RecorderLogin.as_view()),
]
OF_OTHER_GENERATION = path("api5/ams/accounts", account_calls.AnyAccount.as_view())
