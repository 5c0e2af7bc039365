// Dot products of random vectors: OUTPUTS of them, LENGTH words (four times as many bytes) each.
//
// A host offers the commands without a pause; memory answers reads after MEMORY_LATENCY cycles. The last line that is
// printed is a row of the table of cases. Cycle 0 is the first one in which a command is offered; `cycles` is the
// number of the first cycle in which all is done.
//
//   +outputs=4 +length=40    what to compute
//   +dump=FILE               writes the waveform of the engine's signals

`timescale 1 ns / 1 ns

module testbench #(
    parameter LANES = 4,
    parameter QUEUE_DEPTH = 4,
    parameter BUFFER_WORDS = 16,
    parameter MEMORY_LATENCY = 10
);
    localparam A = 16'h0000, B = 16'h4000, C = 16'h8000;   // where vectors and results lie, in words

    reg clk = 0, rst = 1;
    integer outputs = 4, length = 40, cycle = -4, result, word, errors, expected;
    reg [8*256:1] dump;

    always #5 clk = !clk;

    // ---- The host ----

    integer output_number = 0, word_number = 0, chunk_number = 0;
    reg [1:0] op = 0;
    wire [31:0] rest = length - word_number;
    wire [31:0] words = (rest < BUFFER_WORDS) ? rest : BUFFER_WORDS;
    wire is_last = rest <= BUFFER_WORDS;
    wire [31:0] offset = output_number * length + word_number;
    wire [31:0] address = (op == 0) ? A + offset : (op == 1) ? B + offset : C + output_number;
    wire cmd_valid = !rst && output_number < outputs;
    wire cmd_ready;

    always @(posedge clk) if (cmd_valid && cmd_ready) begin
        if (op < 2) op <= op + 1;
        if (op == 2) begin
            op <= is_last ? 3 : 0;
            word_number <= word_number + (is_last ? 0 : BUFFER_WORDS);
            chunk_number <= chunk_number + 1;
        end
        if (op == 3) begin
            op <= 0;
            word_number <= 0;
            output_number <= output_number + 1;
        end
    end

    // ---- The engine ----

    wire mem_valid, mem_write, idle;
    wire [15:0] mem_address;
    wire [31:0] mem_wdata;
    wire mem_rvalid;
    wire [31:0] mem_rdata;

    dot_engine #(.LANES(LANES), .QUEUE_DEPTH(QUEUE_DEPTH), .BUFFER_WORDS(BUFFER_WORDS)) engine (
        .clk(clk), .rst(rst),
        .cmd_valid(cmd_valid), .cmd_ready(cmd_ready), .cmd_op(op),
        .cmd_slot(chunk_number[0]), .cmd_sum(output_number[0]),
        .cmd_first(word_number == 0), .cmd_last(is_last),
        .cmd_words(words[7:0]), .cmd_address(address[15:0]),
        .mem_valid(mem_valid), .mem_write(mem_write), .mem_address(mem_address), .mem_wdata(mem_wdata),
        .mem_rvalid(mem_rvalid), .mem_rdata(mem_rdata), .idle(idle)
    );

    // ---- Memory: a request per cycle, answers to reads MEMORY_LATENCY cycles later ----

    reg [31:0] memory [0:65535];
    reg [33*MEMORY_LATENCY-1:0] answers;    // on their way: whether there is one, and its data

    assign {mem_rvalid, mem_rdata} = answers[33*MEMORY_LATENCY-1 -: 33];

    always @(posedge clk) begin
        if (mem_valid && mem_write) memory[mem_address] <= mem_wdata;
        answers <= rst ? 0 : {answers, mem_valid && !mem_write, memory[mem_address]};
    end

    // ---- Run and check ----

    function signed [31:0] dot(input [31:0] a, input [31:0] b);
        dot = $signed(a[7:0]) * $signed(b[7:0]) + $signed(a[15:8]) * $signed(b[15:8])
            + $signed(a[23:16]) * $signed(b[23:16]) + $signed(a[31:24]) * $signed(b[31:24]);
    endfunction

    initial begin
        for (word = 0; word < 65536; word = word + 1) memory[word] = $random;
        if ($value$plusargs("outputs=%d", outputs)) ;
        if ($value$plusargs("length=%d", length)) ;
        if ($value$plusargs("dump=%s", dump)) begin
            $dumpfile(dump);
            $dumpvars(1, engine);
        end
    end

    always @(posedge clk) begin
        cycle <= cycle + 1;
        if (cycle == -1) rst <= 0;
        if (cycle >= 0 && output_number == outputs && idle) begin
            errors = 0;
            for (result = 0; result < outputs; result = result + 1) begin
                expected = 0;
                for (word = result * length; word < (result + 1) * length; word = word + 1)
                    expected = expected + dot(memory[A + word], memory[B + word]);
                if (memory[C + result] !== expected) errors = errors + 1;
            end
            if (errors != 0) $display("%0d of %0d results are wrong", errors, outputs);
            else $display("%0d,%0d,%0d,%0d,%0d,%0d,%0d",
                          LANES, QUEUE_DEPTH, BUFFER_WORDS, MEMORY_LATENCY, outputs, length, cycle);
            $finish;
        end
    end
endmodule
