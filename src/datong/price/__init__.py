"""price 定价: cost surveys, maximum permitted revenue, ceilings and fees; purpose first.

Must never know: payments, who bought; actual revenue arrives as a value. Contract: tests/price/.
"""
