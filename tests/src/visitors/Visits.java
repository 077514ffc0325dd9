import java.io.*;
import java.net.*;
import java.util.*;
import javax.net.ssl.*;
import java.security.cert.X509Certificate;

/** Connects twice, offering the session of the connection before, and prints the server's answers. */
public class Visits {
    public static void main(String[] arguments) throws Exception {
        String host = arguments[0], name = arguments[2], request = arguments[4];
        int port = Integer.parseInt(arguments[1]);
        X509TrustManager trusting = new X509TrustManager() {
            public void checkClientTrusted(X509Certificate[] chain, String type) {}
            public void checkServerTrusted(X509Certificate[] chain, String type) {}
            public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
        };
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] { trusting }, null);
        for (int visit = 0; visit < 2; visit++) {
            try (Socket tcp = new Socket(host, port);
                 SSLSocket tls = (SSLSocket) context.getSocketFactory().createSocket(tcp, name, port, true)) {
                tls.setEnabledProtocols(new String[] { arguments[3] });
                tls.getOutputStream().write(request.getBytes());
                tls.getOutputStream().flush();
                System.out.write(tls.getInputStream().readAllBytes());
                System.out.println();
            }
        }
    }
}
