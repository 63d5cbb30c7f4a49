/* results.c - results of jobs on their way into letters. */
#include "results.h"

#include <stdlib.h>

enum { RESULTS_OCTETS = MESSAGE_PIECE_OCTETS };

enum result results_init(struct results *results)
{
    uint8_t *octets = malloc(RESULTS_OCTETS);

    *results = (struct results){.writer = writer_over(octets, octets ? RESULTS_OCTETS : 0)};
    return octets ? RESULT_OK : RESULT_SYSTEM;
}

void results_free(struct results *results)
{
    free(results->writer.octets);
    *results = (struct results){.count = 0};
}

void results_send(struct results *results, struct link *link, struct frame *frame)
{
    struct message message = {
        .kind = MESSAGE_SIGNATURES,
        .signatures = {.count = results->count,
                       .results = span_of(results->writer.octets, results->writer.length)}};

    if (results->count > 0)
        link_send(link, &message, frame);
    results->count = 0;
    writer_rewind(&results->writer, 0);
}

void results_add(struct results *results, struct link *link, struct frame *frame,
                 const struct sign_result *result)
{
    size_t mark = results->writer.length;

    sign_result_write(&results->writer, result);
    if (results->writer.failed) { /* full: send, begin anew; one result always fits */
        writer_rewind(&results->writer, mark);
        results_send(results, link, frame);
        sign_result_write(&results->writer, result);
    }
    results->count++;
}
