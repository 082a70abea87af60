from django.db import migrations, models

RESOURCES = ("software_terminals", "hardware_terminals", "monitors", "media_ports", "access_ports")


class Migration(migrations.Migration):
    """Terminals, monitors and ports are counted in the row of the seats, by the same statement."""

    dependencies = [("licensing", "0002_sealed_licences")]

    operations = [
        migrations.DeleteModel(name="ResourceCount"),
        *(
            migrations.AddField(
                model_name="quota", name=name, field=models.IntegerField(default=0)
            )
            for name in RESOURCES
        ),
        migrations.AddField(
            model_name="published",
            name="seen_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="latest time seen"),
        ),
    ]
