/* queue.c - records that go into the next message. */
#include "queue.h"

void queue_add(struct queue *queue, const struct name *owner, uint16_t type, uint32_t ttl,
               const struct reader *run)
{
    size_t length = reader_left(run);

    if (length == 0)
        return;
    buffer_add(&queue->rows, owner->octets, owner->length);
    buffer_u16(&queue->rows, type);
    buffer_u32(&queue->rows, ttl);
    buffer_u32(&queue->rows, (uint32_t)length);
    buffer_add(&queue->rows, run->at, length);
}

/* Pack the row that is next; false when not all of it fits. */
static bool pack_row(struct queue *queue, struct packer *packer)
{
    struct reader rows =
        reader_over(queue->rows.octets + queue->at, queue->rows.length - queue->at);
    LEFT_UNSET struct name owner;

    name_read_plain(&rows, &owner);
    uint16_t type = reader_u16(&rows);
    uint32_t ttl = reader_u32(&rows);
    struct reader run = reader_part(&rows, reader_u32(&rows));
    const uint8_t *first = run.at;
    reader_take(&run, queue->sent);
    packer_owner(packer, &owner);
    if (!packer_run(packer, type, ttl, &run)) {
        queue->sent = (size_t)(run.at - first);
        return false;
    }
    queue->sent = 0;
    queue->at = (size_t)(rows.at - queue->rows.octets);
    return true;
}

enum result queue_pack(struct queue *queue, struct packer *packer, bool *full)
{
    if (buffer_check(&queue->rows))
        return RESULT_SYSTEM;
    while (queue->at < queue->rows.length) {
        if (!pack_row(queue, packer)) {
            *full = true;
            return RESULT_OK;
        }
    }
    queue->at = 0;
    buffer_clear(&queue->rows);
    return RESULT_OK;
}

void queue_free(struct queue *queue)
{
    buffer_free(&queue->rows);
    *queue = (struct queue){.at = 0};
}
