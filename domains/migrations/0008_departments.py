import django.db.models.deletion
import domains.models.tree
from django.db import migrations, models


def take_collation_of_domains(apps, schema_editor):
    """Give the new table the collation of the table of domains, which may be older than the database's default.

    A foreign key needs the same collation at both ends.
    """
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_collation FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_name = 'domains_domain'"
        )
        collation = cursor.fetchone()[0]
        cursor.execute(f"ALTER TABLE domains_department CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}")


class Migration(migrations.Migration):

    dependencies = [
        ('domains', '0007_findable'),
    ]

    operations = [
        migrations.CreateModel(
            name='Department',
            fields=[
                ('moid', models.CharField(default=domains.models.tree.new_moid, max_length=40, primary_key=True, serialize=False, verbose_name='MOID')),
                ('name', models.CharField(max_length=64)),
                ('domain', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='departments', to='domains.userdomain')),
                ('parent', models.ForeignKey(blank=True, help_text='Empty: directly below the user domain.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='children', to='domains.department')),
            ],
            options={
                'ordering': ['domain', 'name'],
                'indexes': [models.Index(fields=['domain', 'parent', 'name'], name='department_below')],
            },
        ),
        migrations.RunPython(take_collation_of_domains, migrations.RunPython.noop),
        migrations.AddField(
            model_name='account',
            name='department',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to='domains.department'),
        ),
        migrations.AddField(
            model_name='account',
            name='position',
            field=models.CharField(blank=True, db_default='', default='', max_length=64),
        ),
    ]
