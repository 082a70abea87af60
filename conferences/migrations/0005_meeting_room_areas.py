from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conferences', '0004_reservations'),
    ]

    operations = [
        migrations.CreateModel(
            name='MeetingRoomArea',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_domain', models.CharField(max_length=40)),
                ('area', models.CharField(max_length=60)),
            ],
            options={
                'verbose_name': 'meeting room area',
                'constraints': [models.UniqueConstraint(fields=('user_domain', 'area'), name='area_once')],
            },
        ),
    ]
