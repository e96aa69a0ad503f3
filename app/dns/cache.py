"""What is known already: answers until their time is up, the soonest to end given up first."""

from heapq import heapify, heappop, heappush

SIZE = 512  # answers kept
MIN_TTL = 5  # seconds: records that are good for less would have us ask for every call
MAX_TTL = 86400
MAX_NEGATIVE = 3600  # "there is none": RFC 2308 5
FAILURE = 10  # a server that failed is not asked the same at once (RFC 2308 7, RFC 9520)
ANY = 0  # the kind under which "no such name" is kept: it holds for all of them


class Cache:
    """{(name, kind): answer}, at most `size`; an answer has `expires` (of `now`)."""

    def __init__(self, size=SIZE):
        self._size = size
        self._answers = {}
        self._heap = []  # (expires, name, kind), with those that another answer has replaced
        self.hits = 0

    def __len__(self):
        return len(self._answers)

    @property
    def held(self):
        """Entries of the heap, those of replaced answers too."""
        return len(self._heap)

    def get(self, name, kind, now):
        """-> the answer, or None; one for the name as such counts too."""
        for key in ((name, kind), (name, ANY)):
            answer = self._answers.get(key)
            if answer is not None and answer.expires > now:
                self.hits += 1
                return answer
        return None

    def put(self, name, kind, answer, now):
        self._answers[name, kind] = answer
        heappush(self._heap, (answer.expires, name, kind))
        while self._heap and (len(self._answers) > self._size or self._heap[0][0] <= now):
            self._drop_first()
        if len(self._heap) > 2 * self._size:
            self._heap = [(self._answers[key].expires,) + key for key in self._answers]
            heapify(self._heap)

    def _drop_first(self):
        expires, name, kind = heappop(self._heap)
        answer = self._answers.get((name, kind))
        if answer is not None and answer.expires == expires:
            del self._answers[name, kind]

    def clear(self):
        self._answers.clear()
        self._heap = []
