import django.contrib.auth.models
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('im', '0001_initial'),
        ('domains', '0006_children_by_name'),
    ]

    operations = [
        migrations.AddField(
            model_name='conversation',
            name='searched_seq',
            field=models.BigIntegerField(db_default=0, default=0, editable=False, help_text='The search index has what is up to it.'),
        ),
        migrations.AddField(
            model_name='conversation',
            name='to_index',
            field=models.GeneratedField(db_persist=False, expression=models.Case(models.When(last_seq__gt=models.F('searched_seq'), then=models.Value(1)), default=models.Value(None)), output_field=models.PositiveSmallIntegerField(null=True)),
        ),
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(fields=['to_index'], name='im_to_index'),
        ),
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(fields=['kind', 'closed'], name='im_conversation_open'),
        ),
        migrations.CreateModel(
            name='Gram',
            fields=[
                ('pk', models.CompositePrimaryKey('conversation_id', 'gram', 'place', blank=True, editable=False, primary_key=True, serialize=False)),
                ('conversation', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, to='im.conversation')),
                ('gram', models.CharField(db_collation='utf8mb4_bin', max_length=24)),
                ('place', models.BigIntegerField(help_text='Its time and its seq.')),
            ],
        ),
        migrations.CreateModel(
            name='Listener',
            fields=[
            ],
            options={
                'verbose_name': 'person online',
                'verbose_name_plural': 'people online',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('domains.account',),
            managers=[
                ('objects', django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.AlterField(
            model_name='broadcast',
            name='by',
            field=models.CharField(help_text="The administrator's name.", max_length=150),
        ),
        migrations.AlterField(
            model_name='broadcast',
            name='domain',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, to='domains.domain'),
        ),
        migrations.AlterField(
            model_name='balanceserver',
            name='http_listen_port',
            field=models.PositiveIntegerField(default=80, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)]),
        ),
        migrations.AlterField(
            model_name='balanceserver',
            name='log_level',
            field=models.PositiveSmallIntegerField(default=3, help_text='1 to 5', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(5)]),
        ),
        migrations.AlterField(
            model_name='balanceserver',
            name='rtsp_listen_port',
            field=models.PositiveIntegerField(default=554, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)]),
        ),
        migrations.AlterField(
            model_name='mediaserver',
            name='http_listen_port',
            field=models.PositiveIntegerField(default=80, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)]),
        ),
        migrations.AlterField(
            model_name='mediaserver',
            name='log_level',
            field=models.PositiveSmallIntegerField(default=3, help_text='1 to 5', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(5)]),
        ),
        migrations.AlterField(
            model_name='mediaserver',
            name='rtc_tcp_listen_port',
            field=models.PositiveIntegerField(default=8000, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)]),
        ),
        migrations.AlterField(
            model_name='mediaserver',
            name='rtc_udp_listen_port',
            field=models.PositiveIntegerField(default=8000, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)]),
        ),
        migrations.AlterField(
            model_name='mediaserver',
            name='rtsp_listen_port',
            field=models.PositiveIntegerField(default=554, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)]),
        ),
    ]
