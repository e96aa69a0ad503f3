"""What is wrong with a value of one of the small languages."""


class PatternError(Exception):
    """A pattern that cannot be taken: where in it (characters), what is wrong, what to write."""

    def __init__(self, offset, problem, remedy):
        super().__init__(problem)
        self.offset = offset
        self.problem = problem
        self.remedy = remedy
