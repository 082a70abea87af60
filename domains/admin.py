"""Operators' pages of the domain tree, its rooms, its people and its keys."""

from __future__ import annotations

from domains import admin_domains, admin_lockouts, admin_people, admin_programs, admin_rooms

__all__ = ["admin_domains", "admin_lockouts", "admin_people", "admin_programs", "admin_rooms"]
