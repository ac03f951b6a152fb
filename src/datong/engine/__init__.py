"""Engine (引擎): a plan is a tuple of named SQL steps; it is checked, then run on DuckDB, Arrow in and out.

    model    Step, Balance, Plan, Result, the functions a plan may use, the refusals
    rules    checking and printing a plan: pure, by SQLGlot
    service  running it: DuckDB in memory, with no way to files, network, extensions or settings
    spark    running it on Spark: its forms (spark_forms, spark_texts) by the types that DuckDB tells (spark_bound)

Must never know: what the steps mean, whose data they are, where files lie. Contract: tests/engine/.
"""
