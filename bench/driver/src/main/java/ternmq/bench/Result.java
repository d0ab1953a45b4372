package ternmq.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.HdrHistogram.AbstractHistogram;

/** What one scenario found out: an ordered map that prints itself as a JSON line. */
final class Result {
    private final Map<String, Object> fields = new LinkedHashMap<>();
    private final List<String> problems = new ArrayList<>();

    /** Numbers are kept to three decimals; NaN and infinities become null. */
    Result put(String name, Object value) {
        fields.put(name, value);
        return this;
    }

    /** Percentiles of a histogram of microseconds, as {@code <name>P50Us} and so on. */
    Result putLatency(String name, AbstractHistogram histogram) {
        put(name + "Count", histogram.getTotalCount());
        if (histogram.getTotalCount() == 0) return this;
        return put(name + "MeanUs", histogram.getMean())
            .put(name + "P50Us", histogram.getValueAtPercentile(50))
            .put(name + "P90Us", histogram.getValueAtPercentile(90))
            .put(name + "P99Us", histogram.getValueAtPercentile(99))
            .put(name + "P999Us", histogram.getValueAtPercentile(99.9))
            .put(name + "MaxUs", histogram.getMaxValue());
    }

    /** Notes that a promise did not hold, so that the figures are not taken for good ones. */
    void problem(String text) {
        problems.add(text);
    }

    String json() {
        StringBuilder json = new StringBuilder("{");
        fields.forEach((name, value) -> json.append(quote(name)).append(':').append(literal(value)).append(','));
        json.append("\"problems\":[");
        for (int i = 0; i < problems.size(); i++) json.append(i == 0 ? "" : ",").append(quote(problems.get(i)));
        return json.append("]}").toString();
    }

    private static String literal(Object value) {
        if (value instanceof Double d) {
            return d.isNaN() || d.isInfinite() ? "null" : String.format(Locale.ROOT, "%.3f", d);
        }
        return value instanceof Number || value instanceof Boolean ? value.toString() : quote(String.valueOf(value));
    }

    private static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') quoted.append('\\').append(c);
            else if (c < 0x20) quoted.append(' ');
            else quoted.append(c);
        }
        return quoted.append('"').toString();
    }
}
