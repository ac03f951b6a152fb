"""Write src/datong/ground/data/workdays-<last year>.json from the development library `chinesecalendar`.

    .venv/bin/python tools/make_workdays.py

The key is made here, signs this one file and is not kept: afterwards nobody can change the file unnoticed, not
even we. Paste the public key it prints into ground/workdays.py (SHIPPED_KEY). The library follows the yearly
notices of the State Council (国务院办公厅关于部分节假日安排的通知).
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import chinese_calendar
from chinese_calendar.constants import holidays, workdays

from datong.ground.keys import PrivateKey

FOLDER = Path(__file__).parents[1] / "src/datong/ground/data"
first, last = min(holidays).year, max(holidays).year
days = [date(first, 1, 1) + timedelta(days=n) for n in range((date(last, 12, 31) - date(first, 1, 1)).days + 1)]
content = {
    "schema": "datong.workdays/1",
    "title": "Working days and make-up days of the State Council 国务院办公厅节假日安排",
    "source": f"chinesecalendar {chinese_calendar.__version__} (MIT), after the yearly notices of the State Council",
    "issued": datetime.now(UTC).date().isoformat(),
    "years": {"first": first, "last": last},
    "key_note": "The private key was made for this file, used once and not kept.",
    "days_off": [day.isoformat() for day in days if day.weekday() < 5 and day in holidays],
    "made_up": [day.isoformat() for day in days if day.weekday() >= 5 and day in workdays],
}
key = PrivateKey.new()
file = {**content, "public_key": key.public.text, "signature": key.sign_value(content)}
target = FOLDER / f"workdays-{last}.json"
target.write_text(json.dumps(file, ensure_ascii=False, indent=1) + "\n", "utf-8")
print(f"{target}\nSHIPPED_KEY = {key.public.text!r}")
