from demo_run import finished

__all__ = ["finished"]
