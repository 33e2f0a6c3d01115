/* The button Open page. */
#include "plugin.h"

static int never(void *context, double fraction)
{
    (void)context;
    (void)fraction;
    return 0;
}

void open_page(Instance *instance, OfxTime time)
{
    Waiting waiting = {never, NULL};
    Text members = {0}, outcome = {0};
    Engine *engine = instance_engine(instance, time);
    Answer answer = engine ? engine_take(engine, &waiting, &outcome) : ANSWER_FAILED;
    if (answer == ANSWER_DONE) {
        answer = ANSWER_FAILED;
        if (values_write(instance, time, &members, &outcome))
            answer = engine_ask(engine, "page", members.data, &waiting, &outcome);
        engine_give(engine);
    }
    if (answer == ANSWER_FAILED)
        instance_say(instance, reason_of(&outcome));
    text_free(&members);
    text_free(&outcome);
}
