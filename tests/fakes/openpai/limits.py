"""How often one address may call, in windows of a minute."""
import threading
import time

WINDOW_S = 60


class Limits:
    def __init__(self):
        self.most, self.windows, self.lock = 600, {}, threading.Lock()

    def set(self, most):
        with self.lock:
            self.most = most
            self.windows.clear()

    def count(self, address):
        """(headers of the answer, is it one call too many?)"""
        with self.lock:
            now = time.time()
            end, count = self.windows.get(address, (0, 0))
            end, count = (end, count + 1) if now < end else (now + WINDOW_S, 1)
            self.windows[address] = (end, count)
            headers = {"X-RateLimit-Limit": str(self.most), "X-RateLimit-Remaining": str(max(0, self.most - count)),
                       "X-RateLimit-Reset": str(int(end) + 1)}
            if count > self.most:
                headers["Retry-After"] = str(max(1, round(end - now)))
            return headers, count > self.most
