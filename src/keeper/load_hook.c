/* load_hook.c - a load that waits for its zone's hook: the main thread's side. */
#include <stdio.h>
#include <unistd.h>

#include "load.h"
#include "load_gate.h"
#include "load_task.h"
#include "round.h"

void load_hook_ask(struct loader *loader, int descriptor)
{
    struct keeper_zone *zone = loader->zone;
    const struct load_look *look = &loader->thread.end.look;
    struct message_hook ask = {.request = ++loader->hook,
                               .served = zone->row.version != 0,
                               .serial = look->after.soa.serial,
                               .served_serial = zone->row.version ? zone->row.serial : 0,
                               .names = look->names,
                               .names_served = look->names_served,
                               .names_gone = look->gone,
                               .names_new = look->fresh,
                               .descriptor = descriptor};

    name_copy(&ask.zone, &zone->name);
    if (room_ask_hook(loader->keeper->room, &ask))
        load_gate_answer(&loader->thread, HOLD_HOOK_FAILED, "its hook could not be asked for");
    else
        zone->hook_runs = true;
    (void)close(descriptor);
}

void load_hook_go_on(struct loader *loader)
{
    struct keeper_zone *zone = loader->zone;

    if (!loader->hook_ended || zone->round)
        return;
    loader->hook_ended = false;
    if (!loader->hook_hold && zone->config && !load_refresh(zone, &loader->thread.task))
        load_gate_answer(&loader->thread, HOLD_EDITED, hold_edited_text(zone));
    else
        load_gate_answer(&loader->thread, loader->hook_hold, loader->hook_text);
}

void loader_hooked(struct keeper *keeper, const struct message_hooked *hooked)
{
    struct loader *loader = keeper->loader;

    if (!loader->zone || !loader->zone->hook_runs || hooked->request != loader->hook)
        return;
    loader->zone->hook_runs = false; /* no round begins from here on */
    loader->hook_ended = true;
    loader->hook_hold = hooked->outcome == HOOK_ACCEPTED  ? HOLD_NONE
                        : hooked->outcome == HOOK_REFUSED ? HOLD_HOOK
                                                          : HOLD_HOOK_FAILED;
    (void)snprintf(loader->hook_text, sizeof loader->hook_text, "its hook %s: %s",
                   hooked->outcome == HOOK_REFUSED ? "refuses it" : "has failed", hooked->text);
    load_hook_go_on(loader);
}
