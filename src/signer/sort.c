/* sort.c - which jobs of a letter are for which keystore. */
#include "sort.h"

/* Neighbours in a letter are mostly of one zone, so that the table is rarely asked. */
struct last {
    uint32_t number;
    size_t keystore;
    bool known;
};

static size_t keystore_of(const struct sort *sort, struct last *last, uint32_t number)
{
    if (last->known && last->number == number)
        return last->keystore;
    struct key *key = keys_find(sort->keys, number);
    *last =
        (struct last){.number = number,
                      .keystore = key ? (size_t)(key->keystore - sort->keystores) : sort->otherwise,
                      .known = true};
    key_drop(key);
    return last->keystore;
}

static size_t place_of(const struct sort *sort, struct last lasts[SIGN_JOB_KEYS],
                       const struct sign_job *job)
{
    size_t place = keystore_of(sort, &lasts[0], job->keys[0]);

    for (unsigned i = 1; i < job->key_count; i++) {
        if (keystore_of(sort, &lasts[i], job->keys[i]) != place)
            return sort->otherwise;
    }
    return place;
}

/* A run of jobs, from `start` to where the reader stands. */
static void hand_over(const struct sort *sort, size_t place, const uint8_t *start,
                      const uint8_t *end, uint16_t count)
{
    struct message_sign part = {.count = count, .jobs = span_of(start, (size_t)(end - start))};

    if (count > 0)
        sort->take(sort->context, place, &part);
}

void sort_letter(const struct sort *sort, const struct message_sign *sign)
{
    struct reader jobs = span_reader(sign->jobs);
    struct last lasts[SIGN_JOB_KEYS] = {{.known = false}};
    const uint8_t *start = jobs.at;
    size_t place = sort->otherwise;
    uint16_t count = 0, left = sign->count;
    struct sign_job job;

    for (; left > 0; left--) {
        const uint8_t *at = jobs.at;
        sign_job_read(&jobs, &job);
        if (jobs.failed)
            break;
        size_t next = place_of(sort, lasts, &job);
        if (next != place) {
            hand_over(sort, place, start, at, count);
            start = at;
            count = 0;
        }
        place = next;
        count++;
    }
    hand_over(sort, place, start, jobs.end, (uint16_t)(count + left));
}
