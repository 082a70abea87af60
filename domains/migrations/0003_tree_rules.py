"""What the database itself refuses of a tree: a second root, a domain in the air, one above itself.

Checks are added to a table that has few rows at an upgrade (100,000 domains: about a second); the
index is built online. `is_core` is a column of the database's own, 1 for the root and NULL for all
others, so that a unique index allows one root.
"""

import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('domains', '0002_domain_by_name'),
    ]

    operations = [
        migrations.CreateModel(
            name='Unprojected',
            fields=[
                ('moid', models.CharField(max_length=40, primary_key=True, serialize=False)),
            ],
        ),
        migrations.AddIndex(
            model_name='domain',
            index=models.Index(fields=['parent', 'level'], name='domain_children'),
        ),
        migrations.AddConstraint(
            model_name='domain',
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(('level', 3), ('parent__isnull', True)),
                    models.Q(('level__lt', 3), ('parent__isnull', False)),
                    _connector='OR',
                ),
                name='domain_only_core_is_root',
            ),
        ),
        migrations.AddConstraint(
            model_name='domain',
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ('parent__isnull', True),
                    models.Q(('parent', models.F('moid')), _negated=True),
                    _connector='OR',
                ),
                name='domain_not_above_itself',
            ),
        ),
        migrations.RunSQL(
            'ALTER TABLE domains_domain'
            ' ADD COLUMN is_core TINYINT AS (IF(level = 3, 1, NULL)) VIRTUAL,'
            ' ADD UNIQUE INDEX domain_one_core (is_core)',
            'ALTER TABLE domains_domain DROP INDEX domain_one_core, DROP COLUMN is_core',
        ),
    ]
