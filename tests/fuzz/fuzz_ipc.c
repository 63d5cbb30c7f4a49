/* fuzz_ipc.c - any octets as a frame, on any link: read, walked to its ends, or refused. */
#include <stdlib.h>
#include <string.h>

#include "avow/ipc/message.h"

static void touch(const void *octets, size_t length)
{
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)octets)[i]);
}

static void walk_run(const struct rdata_run *run)
{
    struct reader records = rdata_run_reader(run), rdata;
    unsigned count = 0;

    while (rdata_next(&records, &rdata)) {
        touch(rdata.at, reader_left(&rdata));
        count++;
    }
    if (count != run->count || reader_finish(&records))
        abort(); /* it was checked when it was read */
}

static void walk_jobs(struct span jobs)
{
    struct reader reader = span_reader(jobs);
    struct sign_job job;

    while (reader_left(&reader)) {
        sign_job_read(&reader, &job);
        if (!reader.failed)
            walk_run(&job.rdata);
    }
}

static void walk_results(struct span results)
{
    struct reader reader = span_reader(results);
    struct sign_result result;

    while (reader_left(&reader)) {
        sign_result_read(&reader, &result);
        if (reader.failed)
            break;
        walk_run(&result.signatures);
        touch(result.text, strlen(result.text) + 1);
    }
}

/* What was read is written again: the octets must be the same, or the form is not one. */
static void write_again(const struct message *message, const struct frame *frame)
{
    struct frame *again = frame_make();

    if (!again)
        return;
    if (message_write(message, again) || again->length != frame->length ||
        memcmp(again->octets, frame->octets, frame->length) != 0)
        abort();
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message message;

    if (size < 1 || size > FRAME_MAX_OCTETS)
        return 0;
    struct frame *frame = malloc(offsetof(struct frame, octets) + size);
    if (!frame)
        return 0;
    frame->descriptor_count = data[0] % (FRAME_MAX_DESCRIPTORS + 1);
    for (unsigned i = 0; i < FRAME_MAX_DESCRIPTORS; i++)
        frame->descriptors[i] = 1000 + (int)i;
    frame->length = size - 1;
    memcpy(frame->octets, data + 1, size - 1);

    if (message_read(frame, &message) == RESULT_OK) {
        write_again(&message, frame);
        if (message.kind == MESSAGE_SIGN)
            walk_jobs(message.sign.jobs);
        if (message.kind == MESSAGE_SIGNATURES)
            walk_results(message.signatures.results);
        if (message.kind == MESSAGE_REQUEST) {
            struct reader arguments = span_reader(message.request.arguments);
            for (const char *next; (next = arguments_next(&arguments));)
                touch(next, strlen(next) + 1);
        }
    }
    free(frame);
    return 0;
}
