package interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.List;

/** The lines that this program and the runner of the suite exchange (runner/program.mjs). */
final class Control {
    private static final BufferedReader ANSWERS =
            new BufferedReader(new InputStreamReader(System.in));

    static void plan(List<String> names) {
        say("@plan " + String.join(" ", names));
    }

    static void ok(String name, long spentMs) {
        say("@ok " + name + " " + spentMs);
    }

    static void notOk(String name, Throwable reason) {
        say("@not-ok " + name + " " + textOf(reason).replaceAll("\\s*\\R\\s*", " | "));
    }

    private static String textOf(Throwable reason) {
        if (reason instanceof AssertionError) return reason.getMessage();
        // The clients' own text ends with a link that says nothing about the reason.
        return reason.toString()
                .replaceAll("\\s*(For more information, please visit|See https).*", "");
    }

    /** Has the broker stopped cleanly and started again, and waits until it is in business. */
    static void restart() throws IOException {
        ask("@restart");
    }

    /** Has the broker killed and started again, and waits until it is in business. */
    static void kill() throws IOException {
        ask("@kill");
    }

    private static void ask(String request) throws IOException {
        say(request);
        var answer = ANSWERS.readLine();
        if (!"@done".equals(answer))
            throw new IllegalStateException(request + " was answered: " + answer);
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private Control() {}
}
