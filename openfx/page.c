/* The button Open page. */
#include "plugin.h"

static int never(void *context, double share)
{
    (void)context;
    (void)share;
    return 0;
}

void open_page(Instance *instance, OfxTime time)
{
    Waiting waiting = {never, NULL};
    Text members = {0}, said = {0};
    Engine *engine = instance_engine(instance, time);
    Answer answer = engine ? engine_take(engine, &waiting, &said) : ANSWER_FAILED;
    if (answer == ANSWER_DONE) {
        answer = ANSWER_FAILED;
        if (values_write(instance, time, &members, &said))
            answer = engine_ask(engine, "page", members.data, &waiting, &said);
        engine_give(engine);
    }
    if (answer == ANSWER_FAILED)
        instance_say(instance, reason_of(&said));
    text_free(&members);
    text_free(&said);
}
