package interop;

import interop.Check.Claim;
import interop.Check.Phase;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Runs checks phase by phase and reports each of them once. */
final class Runner {
    private static final int CHECK_SECONDS_MAX = 240;

    /** Most checks wait most of the time. */
    private static final int SIDE_BY_SIDE = 8;

    private static final ExecutorService THREADS = Executors.newCachedThreadPool();

    /** A check on its way: what it has used, and what is left of it to do after a restart. */
    private static final class Running {
        final Check check;
        final Context context;
        long spentMs;
        Claim rest;

        Running(Check check) {
            this.check = check;
            this.context = new Context(check.name());
        }

        void passed() {
            Control.ok(check.name(), spentMs);
            end();
        }

        void failed(Throwable reason) {
            reason.printStackTrace();
            Control.notOk(check.name(), reason);
            end();
        }

        /** Clients take seconds to shut down, and nobody has to wait for that. */
        private void end() {
            THREADS.submit(context::close);
        }
    }

    @FunctionalInterface
    private interface Step {
        Claim of(Running running) throws Exception;
    }

    static void run(List<Check> checks) throws Exception {
        Control.plan(checks.stream().map(Check::name).toList());
        try (var ignored = new Admins()) {
            for (var phase : Phase.values()) {
                var running =
                        checks.stream()
                                .filter(check -> check.phase() == phase)
                                .map(Running::new)
                                .toList();
                if (!running.isEmpty()) runPhase(phase, running);
            }
        }
    }

    private static void runPhase(Phase phase, List<Running> checks) throws Exception {
        switch (phase) {
            case TOGETHER -> each(checks, SIDE_BY_SIDE, Runner::whole);
            case ALONE -> each(checks, 1, Runner::whole);
            case RESTART -> inHalves(checks, Control::restart);
            case KILL -> inHalves(checks, Control::kill);
        }
    }

    private static void inHalves(List<Running> checks, Expect.Action between) throws Exception {
        var going = each(checks, SIDE_BY_SIDE, Runner::first);
        try {
            between.run();
            Admins.awaitBroker();
        } catch (IllegalStateException | AssertionError brokerDidNotComeBack) {
            for (var running : going) running.failed(brokerDidNotComeBack);
            return;
        }
        each(going, SIDE_BY_SIDE, Runner::second);
    }

    private static Claim whole(Running running) throws Exception {
        running.check.body().run(running.context);
        return null;
    }

    private static Claim first(Running running) throws Exception {
        return running.check.body().run(running.context);
    }

    private static Claim second(Running running) throws Exception {
        running.rest.run(running.context);
        return null;
    }

    /**
     * Takes a step of each check, and reports those that failed or have nothing left to do. @return
     * those that go on
     */
    private static List<Running> each(List<Running> checks, int sideBySide, Step step)
            throws Exception {
        var places = new Semaphore(sideBySide, true);
        List<Running> going = Collections.synchronizedList(new ArrayList<>());
        var ends = new ArrayList<Future<?>>();
        for (var running : checks) {
            places.acquire();
            ends.add(
                    THREADS.submit(
                            () -> {
                                try {
                                    take(running, step);
                                    if (running.rest == null) running.passed();
                                    else going.add(running);
                                } catch (Throwable reason) {
                                    running.failed(reason);
                                } finally {
                                    places.release();
                                }
                            }));
        }
        for (var end : ends) end.get();
        return going;
    }

    /** Gives the step its time and no more. */
    private static void take(Running running, Step step) throws Throwable {
        long start = System.nanoTime();
        var future = THREADS.submit(() -> step.of(running));
        try {
            running.rest = future.get(CHECK_SECONDS_MAX, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            future.cancel(true);
            throw new AssertionError("not done after " + CHECK_SECONDS_MAX + " s");
        } catch (ExecutionException e) {
            throw e.getCause();
        } finally {
            running.spentMs += (System.nanoTime() - start) / 1_000_000;
        }
    }

    private Runner() {}
}
