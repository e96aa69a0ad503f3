from app.port import heap


class Told:
    """Stands in for gc.threshold."""

    def __init__(self):
        self.values = []

    def __call__(self, threshold):
        self.values.append(threshold)


def follow(size, *transactions):
    """-> [thresholds that were set] of a heap of `size` bytes."""
    told, former = Told(), heap._set
    heap._set = told
    try:
        watched = heap.Heap()
        watched._size = size
        for each in transactions:
            watched.follow(each)
    finally:
        heap._set = former
    return told.values


def test_an_idle_box_collects_by_the_size_of_its_heap():
    assert follow(28 * 1024 * 1024, 0) == [2 * 1024 * 1024]


def test_the_more_lives_the_less_often():
    values = follow(28 * 1024 * 1024, 0, 1000, 1001, 1600, 100000)
    assert len(values) == 4 and values == sorted(values)
    assert values[-1] == 28 * 1024 * 1024 // heap.MOST


def test_a_step_is_set_once():
    assert len(follow(1 << 24, 0, 1, 2, heap.STEP - 1, heap.STEP, heap.STEP + 1)) == 2


def test_what_is_kept_is_counted():
    before = heap.held()
    kept = [[number] for number in range(2000)]
    assert heap.held() > before + 1000 and len(kept) == 2000
