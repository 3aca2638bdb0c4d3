/* The cheapest child there is: what it costs to start it is the spawn's own cost. */
int main(void) { return 0; }
