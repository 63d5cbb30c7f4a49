/* result.c - the sentences of the results. */
#include "avow/base/result.h"

const char *result_sentence(enum result result)
{
    static const char *const sentences[] = {
#define RESULT_SENTENCE(name, sentence) sentence,
        RESULTS(RESULT_SENTENCE)
#undef RESULT_SENTENCE
    };
    if ((unsigned)result >= COUNT(sentences))
        return "unknown result";
    return sentences[result];
}
