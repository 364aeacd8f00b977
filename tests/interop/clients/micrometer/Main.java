import io.micrometer.core.instrument.Clock;
import io.micrometer.statsd.StatsdConfig;
import io.micrometer.statsd.StatsdMeterRegistry;
import io.micrometer.statsd.StatsdProtocol;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

public class Main {
    public static void main(String[] args) throws InterruptedException {
        String[] at = args[1].split(":");
        StatsdMeterRegistry c = new StatsdMeterRegistry(new StatsdConfig() {
            @Override
            public String get(String key) {
                return null;
            }

            @Override
            public StatsdProtocol protocol() {
                return args[0].equals("udp") ? StatsdProtocol.UDP : args[0].equals("tcp") ? StatsdProtocol.TCP : StatsdProtocol.UDS_DATAGRAM;
            }

            @Override
            public String host() {
                return at[0];
            }

            @Override
            public int port() {
                return at.length > 1 ? Integer.parseInt(at[1]) : 0;
            }
        }, Clock.SYSTEM);
        // What is counted before it has connected is lost.
        Thread.sleep(1000);
        AtomicReference<Double> cold = new AtomicReference<>(30.0);
        c.gauge("shop.level", 7.5);
        c.gauge("shop.cold", cold, AtomicReference::get);
        cold.set(-12.0);
        c.counter("shop.hits", "path", "/a").increment();
        c.counter("shop.hits", "path", "/a").increment(4);
        c.timer("shop.lat").record(250, TimeUnit.MILLISECONDS);
        c.summary("shop.size").record(512);
        for (int i = 0; i < 1000; i++)
            c.counter("shop.burst").increment();
        // Gauges are looked at every ten seconds, and not at the end.
        Thread.sleep(10_500);
        c.close();
    }
}
