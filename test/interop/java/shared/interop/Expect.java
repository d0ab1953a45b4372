package interop;

import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;

import java.util.Collection;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/**
 * What a check expects; each method throws {@link AssertionError} with both sides when it does not
 * hold.
 */
final class Expect {
    /**
     * How long to wait for what has to come; it costs only where a check fails. A 4.9 client alone
     * waits 30 s for the answer to a pull whose broker is gone, and 3 s more.
     */
    static final int SECONDS_MAX = 90;

    static void that(boolean holds, Supplier<String> message) {
        if (!holds) throw new AssertionError(message.get());
    }

    static void equal(String what, Object expected, Object actual) {
        that(
                Objects.equals(expected, actual),
                () -> what + ": expected " + expected + ", was " + actual);
    }

    static void between(String what, long min, long max, long actual) {
        that(
                min <= actual && actual <= max,
                () -> what + ": expected " + min + " to " + max + ", was " + actual);
    }

    /**
     * Waits until {@code probe} gives the expected value; an exception counts as another value. How
     * long that takes is no matter here, and a machine may be slow.
     */
    static <T> void eventually(String what, T expected, Callable<T> probe)
            throws InterruptedException {
        eventually(what, expected, SECONDS_MAX, probe);
    }

    /** The same where the time tells something. */
    static <T> void eventually(String what, T expected, int secondsMax, Callable<T> probe)
            throws InterruptedException {
        long deadline = System.nanoTime() + secondsMax * 1_000_000_000L;
        Object last;
        while (true) {
            try {
                last = probe.call();
            } catch (InterruptedException e) {
                throw e;
            } catch (Exception e) {
                last = e.toString();
            }
            if (Objects.equals(expected, last)) return;
            if (System.nanoTime() > deadline) break;
            Thread.sleep(20);
        }
        throw new AssertionError(
                what + ": expected " + expected + " within " + secondsMax + " s, was " + last);
    }

    /**
     * Most of these took no longer: where a machine stalls some are late, where the broker is slow
     * all are.
     */
    static void mostlyWithin(String what, long msMax, Collection<Long> tookMs) {
        var sorted = tookMs.stream().sorted().toList();
        that(
                sorted.get(sorted.size() / 2) <= msMax,
                () -> what + ": expected at most " + msMax + " for most, was " + sorted);
    }

    /** An action that may throw what the clients throw. */
    @FunctionalInterface
    interface Action {
        void run() throws Exception;
    }

    /** The client must throw with this response code, its own or the broker's. */
    static void failsWith(String what, int code, Action action) throws Exception {
        try {
            action.run();
        } catch (MQClientException e) {
            equal(what + " (client: " + e.getErrorMessage() + ")", code, e.getResponseCode());
            return;
        } catch (MQBrokerException e) {
            equal(what + " (broker: " + e.getErrorMessage() + ")", code, e.getResponseCode());
            return;
        }
        throw new AssertionError(what + ": expected code " + code + ", but it succeeded");
    }

    private Expect() {}
}
