package example;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Reads a SaaS's answer of {"megabytes": N}, in pages of 16 MB, and says how much it read.
 *
 * <p>Known weakness of {@code handle}: it keeps every page until it has them all, so that its memory grows with the
 * data. Java's heap (85 % of the function's memory) is full before that memory is: an OutOfMemoryError with its stack
 * is in the log and in the answer, and the process ends, so that the next invocation is cold. {@code offHeap} has half
 * of it beside the heap, where network clients have their buffers: there the function's memory is full first, and the
 * kernel kills the process. {@code streaming} has one page at a time.
 */
public class Connector {
    private static final int MB = 1024 * 1024; // bytes
    private static final int PAGE = 16; // MB

    private static int invocations = 0; // of this execution environment: 1 again after a cold start

    public Map<String, Integer> handle(Map<String, Integer> event) {
        return answer(pages(event.get("megabytes")).size() * PAGE);
    }

    public Map<String, Integer> offHeap(Map<String, Integer> event) {
        int half = event.get("megabytes") / 2;
        List<byte[]> read = pages(half);
        ByteBuffer coming = ByteBuffer.allocateDirect(half * MB); // filled with zeros: real memory
        return answer(read.size() * PAGE + coming.capacity() / MB);
    }

    public Map<String, Integer> streaming(Map<String, Integer> event) {
        int read = 0;
        while (read < event.get("megabytes")) {
            read += page().length / MB;
        }
        return answer(read);
    }

    private static List<byte[]> pages(int megabytes) {
        List<byte[]> pages = new ArrayList<>();
        while (pages.size() * PAGE < megabytes) {
            pages.add(page());
        }
        return pages;
    }

    /** What a SaaS would send, without one to ask. */
    private static byte[] page() {
        byte[] page = new byte[PAGE * MB];
        Arrays.fill(page, (byte) 1);
        return page;
    }

    private static Map<String, Integer> answer(int megabytes) {
        invocations++;
        return Map.of("megabytes", megabytes, "invocation", invocations);
    }
}
