from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('failover', '0002_rooms_and_notices'),
    ]

    operations = [
        migrations.AddField(
            model_name='register',
            name='wish_fence',
            field=models.BooleanField(db_default=False, default=False, help_text="The owner's database is killed, and stays down until then."),
        ),
    ]
