package ternmq.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** CPU time and memory of processes and flushes of disks, read from /proc and /sys (proc(5)). */
final class Proc {
    /** USER_HZ, fixed by the kernel for what it shows to programs. */
    private static final double TICKS_PER_S = 100;

    /** utime + stime of the processes, with all their threads, living and ended; seconds. */
    static double cpuS(List<Long> pids) {
        double sum = 0;
        for (long pid : pids) sum += cpuS(Path.of("/proc/" + pid + "/stat"));
        return sum;
    }

    /** utime + stime of this JVM, seconds. */
    static double ownCpuS() {
        return cpuS(Path.of("/proc/self/stat"));
    }

    private static double cpuS(Path stat) {
        String text = read(stat);
        String[] fields = text.substring(text.lastIndexOf(')') + 2).split(" ");
        return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS_PER_S;
    }

    /** What the whole machine was busy with since it started: user, nice, system, irq and softirq; seconds. */
    static double machineBusyS() {
        long[] ticks = machineTicks();
        return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / TICKS_PER_S;
    }

    /** What the hypervisor gave to others meanwhile, seconds. */
    static double machineStealS() {
        return machineTicks()[7] / TICKS_PER_S;
    }

    private static long[] machineTicks() {
        String[] fields = read(Path.of("/proc/stat")).lines().findFirst().orElseThrow().trim().split("\\s+");
        long[] ticks = new long[fields.length - 1];
        for (int i = 0; i < ticks.length; i++) ticks[i] = Long.parseLong(fields[i + 1]);
        return ticks;
    }

    /** One field of /proc/PID/status, such as VmRSS, summed over the processes; MiB. */
    static double memoryMiB(List<Long> pids, String field) {
        double kib = 0;
        for (long pid : pids) {
            for (String line : read(Path.of("/proc/" + pid + "/status")).split("\n")) {
                if (line.startsWith(field + ":")) kib += Double.parseDouble(line.replaceAll("[^0-9]", ""));
            }
        }
        return kib / 1024;
    }

    /** Flushes that all disks of the machine have completed (the 16th figure of /sys/block/DISK/stat): what fdatasync comes to. */
    static long diskFlushes() {
        long sum = 0;
        try (DirectoryStream<Path> disks = Files.newDirectoryStream(Path.of("/sys/block"))) {
            for (Path disk : disks) {
                String[] figures = read(disk.resolve("stat")).trim().split("\\s+");
                if (figures.length > 15) sum += Long.parseLong(figures[15]);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read /sys/block", e);
        }
        return sum;
    }

    private static String read(Path path) {
        try {
            return Files.readString(path);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + path, e);
        }
    }

    private Proc() { }
}
