import time
def test_a(living, finished):
    import sqlite3
    from paperwork import parties
    before={}
    for slug in parties():
        c=sqlite3.connect(finished.folder/slug/"datong.db"); before[slug]=c.execute("select count(*) from evidence_leaf").fetchone()[0]; c.close()
    assert living.all_leaves()==before
