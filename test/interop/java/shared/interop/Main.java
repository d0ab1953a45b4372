package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The client program: official Java clients make claims about the broker that NAMESRV_ADDR leads
 * to.
 *
 * <pre>
 *   all [CHECK...]              every check of a default broker, or only those named
 *   acl [CHECK...]              the checks of a broker that wants requests signed
 *   plain [CHECK...]            the checks of a broker with accounts of ACL 1.0
 *   strict [CHECK...]           the checks of a broker that creates nothing by itself
 *   store-write MANIFEST        writes messages and notes what was acknowledged
 *   store-read MANIFEST         finds exactly these messages, byte for byte
 *   features [CHECK...]         what a broker does beyond storing and handing out
 *   tools                       runs mqadmin's sub-commands, line by line
 *   worker TOPIC GROUP          a consumer that is going to be killed
 *   replier TOPIC GROUP         a consumer that answers requests
 *   requester TOPIC             a producer that asks
 *   compression FROM TO COUNT   sends messages back, compressed as they came (5.x)
 * </pre>
 */
public final class Main {
    public static void main(String[] args) throws Exception {
        var rest = List.of(args).subList(1, args.length);
        switch (args[0]) {
            case "all" -> run(all(), rest);
            case "acl" -> run(AclChecks.among(all()), rest);
            case "plain" -> run(PlainChecks.all(), rest);
            case "strict" -> run(StrictChecks.all(), rest);
            case "features" -> run(features(), rest);
            case "store-write" -> run(List.of(StoreManifest.writing(rest.get(0))), List.of());
            case "store-read" -> run(StoreManifest.reading(rest.get(0)), List.of());
            case "tools" -> Tools.run();
            case "worker" -> Worker.run(rest.get(0), rest.get(1));
            case "replier" -> RequestChecks.runReplier(rest.get(0), rest.get(1));
            case "requester" -> RequestChecks.runRequester(rest.get(0));
            default -> Versions.run(args[0], rest);
        }
    }

    private static List<Check> all() {
        var checks = new ArrayList<Check>();
        // What waits longest goes first: a client looks for new queues every 20 s.
        checks.addAll(Versions.checks());
        checks.addAll(PushChecks.all());
        checks.addAll(SendChecks.all());
        checks.addAll(BodyChecks.all());
        checks.addAll(ClientChecks.all());
        checks.addAll(BroadcastChecks.all());
        checks.addAll(PullChecks.all());
        checks.addAll(LitePullChecks.all());
        checks.addAll(RebalanceChecks.all());
        checks.addAll(AdminChecks.all());
        checks.addAll(AdminGroupChecks.all());
        checks.addAll(ErrorChecks.all());
        checks.addAll(RestartChecks.all());
        checks.addAll(KillChecks.all());
        return checks;
    }

    private static List<Check> features() {
        var checks = new ArrayList<Check>();
        checks.addAll(TransactionChecks.all());
        checks.addAll(RetryChecks.all());
        checks.addAll(DelayChecks.all());
        checks.addAll(Versions.features());
        checks.addAll(FilterChecks.all());
        checks.addAll(RequestChecks.all());
        checks.addAll(QueryChecks.all());
        checks.addAll(LiveChecks.all());
        return checks;
    }

    private static void run(List<Check> checks, List<String> only) throws Exception {
        var names = Set.copyOf(only);
        var chosen =
                checks.stream()
                        .filter(check -> names.isEmpty() || names.contains(check.name()))
                        .toList();
        Runner.run(chosen);
        // Client threads that are not daemons must not keep the program alive.
        System.exit(0);
    }

    private Main() {}
}
