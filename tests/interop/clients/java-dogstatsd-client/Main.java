import com.timgroup.statsd.Event;
import com.timgroup.statsd.NonBlockingStatsDClientBuilder;
import com.timgroup.statsd.ServiceCheck;
import com.timgroup.statsd.StatsDClient;

public class Main {
    public static void main(String[] args) throws InterruptedException {
        NonBlockingStatsDClientBuilder b = new NonBlockingStatsDClientBuilder();
        if (args[0].equals("udp")) {
            String[] at = args[1].split(":");
            b.hostname(at[0]).port(Integer.parseInt(at[1]));
        } else {
            b.address((args[0].equals("unix") ? "unixstream://" : "unixgram://") + args[1]);
        }
        b.errorHandler(e -> System.err.println(e));
        StatsDClient c = b.build();
        c.increment("shop.hits", "path:/a");
        c.count("shop.hits", 4, "path:/a");
        c.gauge("shop.level", 7.5);
        c.gauge("shop.cold", 30);
        c.gauge("shop.cold", -12);
        c.time("shop.lat", 250);
        c.histogram("shop.size", 512);
        c.distribution("shop.dist", 3);
        c.recordSetValue("shop.users", "alice");
        c.recordSetValue("shop.users", "bob");
        c.recordEvent(Event.builder().withTitle("deploy").withText("version 2\nis out").build(), "path:/a");
        c.recordServiceCheckRun(ServiceCheck.builder().withName("shop.db").withStatus(ServiceCheck.Status.OK).withMessage("fine").build());
        for (int i = 0; i < 1000; i++)
            c.increment("shop.sampled", 0.5);
        for (int i = 0; i < 1000; i++)
            c.increment("shop.burst");
        // Its close does not send what it has added up since its last flush, every two seconds.
        Thread.sleep(2500);
        c.close();
    }
}
