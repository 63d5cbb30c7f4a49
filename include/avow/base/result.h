/*
 * result.h - what a function that can fail returns.
 *
 * RESULT_OK is zero, so `if (result)` reads "if it went wrong". "Not there" is an answer, not a
 * failure: look-ups return an enum of their own that names every case (enum place, enum found).
 * A reason is added only when some caller treats it differently from all the others.
 *
 * Floor: base.
 */
#ifndef AVOW_BASE_RESULT_H
#define AVOW_BASE_RESULT_H

#define RESULTS(R)                                                                                 \
    R(OK, "done")                                                                                  \
    R(FORMAT, "the input is malformed")                                                            \
    R(REFUSED, "policy does not allow it")                                                         \
    R(FULL, "there is no room left")                                                               \
    R(CORRUPT, "stored data failed its check")                                                     \
    R(SYSTEM, "the system call failed")                                                            \
    R(TOKEN, "the token failed")

enum result {
#define RESULT_ENUMERATOR(name, sentence) RESULT_##name,
    RESULTS(RESULT_ENUMERATOR)
#undef RESULT_ENUMERATOR
};

/* The sentence above, for a log line or a person. Never NULL. */
const char *result_sentence(enum result result);

/* A look-up that did not fail: is the thing there? */
enum found { FOUND_NOT, FOUND_YES };

#define MUST_CHECK                 __attribute__((warn_unused_result))
#define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
