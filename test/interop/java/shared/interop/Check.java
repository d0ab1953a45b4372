package interop;

/**
 * One claim about the broker. Its name is what the report shows.
 *
 * @param body makes the claim; what it returns goes on after the broker came back (null where
 *     {@code phase} has no such moment)
 */
record Check(String name, Phase phase, Body body) {
    /** When a check runs. */
    enum Phase {
        /** Beside others: it touches only topics and groups of its own. */
        TOGETHER,
        /** While nothing else runs: it touches what others use. */
        ALONE,
        /** In two halves, with a clean restart of the broker between. */
        RESTART,
        /** In two halves, with a kill -9 and a start of the broker between. */
        KILL
    }

    /** A claim, or the first half of one. */
    @FunctionalInterface
    interface Body {
        Claim run(Context context) throws Exception;
    }

    /** A claim that is made in one go, or the second half of one. */
    @FunctionalInterface
    interface Claim {
        void run(Context context) throws Exception;
    }

    static Check together(String name, Claim claim) {
        return new Check(name, Phase.TOGETHER, whole(claim));
    }

    static Check alone(String name, Claim claim) {
        return new Check(name, Phase.ALONE, whole(claim));
    }

    static Check acrossRestart(String name, Body body) {
        return new Check(name, Phase.RESTART, body);
    }

    static Check acrossKill(String name, Body body) {
        return new Check(name, Phase.KILL, body);
    }

    private static Body whole(Claim claim) {
        return context -> {
            claim.run(context);
            return null;
        };
    }
}
