/* packed.c - what is packed inside a message: jobs, results, arguments. */
#include <string.h>

#include "avow/ipc/message.h"

static void run_write(struct writer *writer, const struct rdata_run *run)
{
    writer_u16(writer, run->count);
    writer_u32(writer, run->length);
    writer_add(writer, run->octets, run->length);
}

/* A run that does not hold exactly its count fails the reader: the walk over it, later, has nobody
 * to complain to. */
static void run_read(struct reader *reader, struct rdata_run *run)
{
    run->count = reader_u16(reader);
    run->length = reader_u32(reader);
    run->octets = reader_take(reader, run->length);
    if (!run->octets) {
        *run = (struct rdata_run){.octets = (const uint8_t *)""};
        return;
    }

    struct reader records = rdata_run_reader(run);
    for (unsigned i = 0; i < run->count; i++)
        reader_take(&records, reader_u16(&records));
    if (reader_finish(&records))
        reader_fail(reader);
}

void sign_job_write(struct writer *writer, const struct sign_job *job)
{
    writer_u64(writer, job->job);
    writer_u8(writer, job->key_count);
    for (unsigned i = 0; i < job->key_count && i < SIGN_JOB_KEYS; i++)
        writer_u32(writer, job->keys[i]);
    writer_u32(writer, job->inception);
    writer_u32(writer, job->expiration);
    name_write(writer, &job->owner);
    writer_u16(writer, job->type);
    writer_u32(writer, job->ttl);
    run_write(writer, &job->rdata);
}

void sign_job_read(struct reader *reader, struct sign_job *job)
{
    job->job = reader_u64(reader);
    job->key_count = reader_u8(reader);
    if (job->key_count == 0 || job->key_count > SIGN_JOB_KEYS) {
        reader_fail(reader);
        job->key_count = 0;
    }
    for (unsigned i = 0; i < job->key_count; i++)
        job->keys[i] = reader_u32(reader);
    job->inception = reader_u32(reader);
    job->expiration = reader_u32(reader);
    name_read_plain(reader, &job->owner);
    job->type = reader_u16(reader);
    job->ttl = reader_u32(reader);
    run_read(reader, &job->rdata);
    if (job->rdata.count == 0) /* there is no RRset without a record */
        reader_fail(reader);
}

void sign_result_write(struct writer *writer, const struct sign_result *result)
{
    const char *text = result->text ? result->text : "";
    size_t length = strlen(text);

    writer_u64(writer, result->job);
    writer_u8(writer, result->outcome);
    run_write(writer, &result->signatures);
    writer_u16(writer, (uint16_t)(length > UINT16_MAX - 1 ? UINT16_MAX - 1 : length));
    writer_add(writer, text, length > UINT16_MAX - 1 ? UINT16_MAX - 1 : length);
    writer_u8(writer, 0);
}

void sign_result_read(struct reader *reader, struct sign_result *result)
{
    result->job = reader_u64(reader);
    result->outcome = reader_u8(reader);
    if (result->outcome >= SIGNING_OUTCOMES)
        reader_fail(reader);
    run_read(reader, &result->signatures);

    size_t length = (size_t)reader_u16(reader) + 1;
    const uint8_t *text = reader_take(reader, length);
    if (!text || memchr(text, '\0', length) != text + length - 1) {
        reader_fail(reader);
        text = (const uint8_t *)"";
    }
    result->text = (const char *)text;
}

void update_record_write(struct writer *writer, const struct update_record *record)
{
    name_write(writer, &record->owner);
    writer_u16(writer, record->type);
    writer_u16(writer, record->class_);
    writer_u32(writer, record->ttl);
    writer_u32(writer, record->limit);
    writer_u16(writer, (uint16_t)record->rdata.length);
    writer_add(writer, record->rdata.octets, record->rdata.length);
}

void update_record_read(struct reader *reader, struct update_record *record)
{
    name_read_plain(reader, &record->owner);
    record->type = reader_u16(reader);
    record->class_ = reader_u16(reader);
    record->ttl = reader_u32(reader);
    record->limit = reader_u32(reader);
    uint16_t length = reader_u16(reader);
    record->rdata = span_of(reader_take(reader, length), length);
}

void arguments_add(struct buffer *arguments, const char *argument)
{
    buffer_add(arguments, argument, strlen(argument) + 1);
}

const char *arguments_next(struct reader *arguments)
{
    size_t left = reader_left(arguments);
    if (left == 0)
        return NULL;
    const uint8_t *end = memchr(arguments->at, '\0', left);
    if (!end) {
        reader_fail(arguments);
        return NULL;
    }
    return (const char *)reader_take(arguments, (size_t)(end - arguments->at) + 1);
}
