/* fuzz_desk.c - any octets as a message that was handed to the desk: an answer in form, or none. */
#include <stdlib.h>

#include "avow/wire/message.h"
#include "src/desk/refuse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t reply[REFUSE_MAX_OCTETS];
    size_t length;

    if (size < 1 || refuse(data + 1, size - 1, data[0] & 1, reply, &length) == REFUSAL_NONE)
        return 0;
    struct reader reader = reader_over(reply, length);
    struct header header;
    struct question question;
    struct record record;

    header_read(&reader, &header);
    for (unsigned i = 0; i < header.counts[SECTION_QUESTION]; i++)
        question_read(&reader, &question);
    for (unsigned i = 0; i < header.counts[SECTION_ADDITIONAL]; i++)
        record_read(&reader, &record);
    if (reader_finish(&reader) || !(header.flags & FLAG_QR))
        abort();
    return 0;
}
