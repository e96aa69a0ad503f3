// What the C tests share: a test is a function, a fact is a CHECK, main lists them with RUN.

#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(fact)                                                                   \
    do {                                                                              \
        if (!(fact)) {                                                                \
            fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #fact); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

#define RUN(test)               \
    do {                        \
        printf("  " #test "\n"); \
        fflush(stdout);         \
        test();                 \
    } while (0)

#endif
