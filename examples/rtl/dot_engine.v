// A dot-product engine: three units that work side by side, each with a queue of commands.
//
//   load unit    reads up to BUFFER_WORDS words of an operand from memory into a buffer; two buffers per operand
//   MAC unit     multiplies LANES pairs of bytes per cycle and adds the products to an accumulator
//   store unit   writes an accumulator to memory
//
// Commands are taken in order, one per cycle, and go to the queue of their unit. A queue holds QUEUE_DEPTH commands,
// those that are being executed included. What keeps the units apart are flags: a load waits until the MAC unit has
// done with the buffer, the MAC unit waits for both operands and, before a new sum, for the store of the old one.
//
// Memory takes one request per cycle and answers reads in order, after any number of cycles. Stores go first.

module dot_engine #(
    parameter LANES = 4,            // 1, 2 or 4: pairs of bytes per cycle; a word has four
    parameter QUEUE_DEPTH = 4,      // commands per unit
    parameter BUFFER_WORDS = 16     // words per buffer
) (
    input             clk,
    input             rst,
    input             cmd_valid,
    output            cmd_ready,
    input      [1:0]  cmd_op,       // 0: load a, 1: load b, 2: multiply and accumulate, 3: store
    input             cmd_slot,     // which of the two buffers
    input             cmd_sum,      // which of the two accumulators
    input             cmd_first,    // multiply: begins a sum
    input             cmd_last,     // multiply: ends a sum
    input      [7:0]  cmd_words,    // load, multiply: at least 1
    input      [15:0] cmd_address,  // load, store: in words
    output            mem_valid,
    output            mem_write,
    output     [15:0] mem_address,
    output     [31:0] mem_wdata,
    input             mem_rvalid,
    input      [31:0] mem_rdata,
    output            idle          // nothing is waiting or being executed
);
    localparam SUBSTEPS = 4 / LANES;
    localparam SUBSTEP_BITS = (LANES == 4) ? 0 : (LANES == 2) ? 1 : 2;

    // ---- Commands go to the queue of their unit ----

    wire        load_ready, mac_ready, store_ready, load_empty, mac_empty, store_empty;
    wire        is_mac = cmd_op == 2, is_store = cmd_op == 3, is_load = !is_mac && !is_store;
    wire        accept = cmd_valid && cmd_ready;

    assign cmd_ready = is_load ? load_ready : is_mac ? mac_ready : store_ready;
    assign idle = load_empty && mac_empty && store_empty;

    wire        load_waits, load_take, load_done;
    wire        load_operand, load_slot, filled_operand, filled_slot;
    wire [7:0]  load_words, filled_words;
    wire [15:0] load_address, filled_address;

    command_queue #(.WIDTH(26), .DEPTH(QUEUE_DEPTH)) load_queue (
        .clk(clk), .rst(rst), .empty(load_empty),
        .push(accept && is_load), .ready(load_ready),
        .push_data({cmd_op[0], cmd_slot, cmd_words, cmd_address}),
        .next_valid(load_waits), .take(load_take),
        .next({load_operand, load_slot, load_words, load_address}),
        .oldest({filled_operand, filled_slot, filled_words, filled_address}), .done(load_done)
    );

    wire        mac_waits, mac_slot, mac_sum, mac_first, mac_last, mac_done;
    wire [7:0]  mac_words;
    wire [11:0] unused_mac;

    command_queue #(.WIDTH(12), .DEPTH(QUEUE_DEPTH)) mac_queue (
        .clk(clk), .rst(rst), .empty(mac_empty),
        .push(accept && is_mac), .ready(mac_ready),
        .push_data({cmd_slot, cmd_sum, cmd_first, cmd_last, cmd_words}),
        .next_valid(mac_waits), .take(mac_done),
        .next({mac_slot, mac_sum, mac_first, mac_last, mac_words}),
        .oldest(unused_mac), .done(mac_done)
    );

    wire        store_waits, store_sum, store_done;
    wire [15:0] store_address;
    wire [16:0] unused_store;

    command_queue #(.WIDTH(17), .DEPTH(QUEUE_DEPTH)) store_queue (
        .clk(clk), .rst(rst), .empty(store_empty),
        .push(accept && is_store), .ready(store_ready),
        .push_data({cmd_sum, cmd_address}),
        .next_valid(store_waits), .take(store_done),
        .next({store_sum, store_address}),
        .oldest(unused_store), .done(store_done)
    );

    // ---- Buffers and accumulators, and who may use them ----

    reg  [31:0] a_buffers [0:2*BUFFER_WORDS-1];
    reg  [31:0] b_buffers [0:2*BUFFER_WORDS-1];
    reg  [31:0] sums [0:1];
    reg  [3:0]  taken;              // {operand, slot}: from the start of a load to the end of its use
    reg  [3:0]  full;               // {operand, slot}: from the end of a load to the end of its use
    reg  [1:0]  sum_ready;          // from the last product to the store

    // ---- Load unit: requests of one load after the other, also while answers to earlier ones are missing ----

    reg  [7:0]  requested;          // words of the next load
    reg  [7:0]  received;           // words of the oldest load
    wire        load_begins = load_waits && requested == 0 && !taken[{load_operand, load_slot}];
    wire        load_goes_on = load_waits && requested != 0;
    wire        load_request = (load_begins || load_goes_on) && !store_done;

    assign load_take = load_request && requested + 1 == load_words;
    assign load_done = mem_rvalid && received + 1 == filled_words;

    always @(posedge clk) begin
        if (load_request) requested <= load_take ? 0 : requested + 1;
        if (mem_rvalid) begin
            received <= load_done ? 0 : received + 1;
            if (filled_operand) b_buffers[filled_slot * BUFFER_WORDS + received] <= mem_rdata;
            else                a_buffers[filled_slot * BUFFER_WORDS + received] <= mem_rdata;
        end
        if (rst) begin
            requested <= 0;
            received <= 0;
        end
    end

    // ---- MAC unit: read, multiply, accumulate; a command begins when the one before it is out of the pipeline ----

    reg  [10:0] mac_step;
    wire [10:0] mac_steps = {3'b0, mac_words} << SUBSTEP_BITS;
    wire        mac_begins = mac_waits && mac_step == 0 && full[{1'b0, mac_slot}] && full[{1'b1, mac_slot}]
                             && !(mac_first && sum_ready[mac_sum]);
    wire        mac_active = mac_begins || mac_step != 0;
    wire        mac_reads = mac_active && mac_step < mac_steps;
    wire [10:0] mac_word = mac_slot * BUFFER_WORDS + (mac_step >> SUBSTEP_BITS);
    wire [5:0]  mac_shift = (mac_step % SUBSTEPS) * 8 * LANES;

    assign mac_done = mac_active && mac_step == mac_steps + 1;

    reg  [31:0] a, b;
    reg         read, read_first, multiplied, multiplied_first;
    reg  signed [31:0] product, total;
    integer     lane;

    always @* begin
        total = 0;
        for (lane = 0; lane < LANES; lane = lane + 1)
            total = total + $signed(a[8*lane +: 8]) * $signed(b[8*lane +: 8]);
    end

    always @(posedge clk) begin
        if (mac_active) mac_step <= mac_done ? 0 : mac_step + 1;
        read <= mac_reads;
        read_first <= mac_first && mac_step == 0;
        a <= a_buffers[mac_word] >> mac_shift;
        b <= b_buffers[mac_word] >> mac_shift;
        multiplied <= read;
        multiplied_first <= read_first;
        product <= total;
        if (multiplied) sums[mac_sum] <= (multiplied_first ? 0 : sums[mac_sum]) + product;
        if (rst) begin
            mac_step <= 0;
            read <= 0;
            multiplied <= 0;
        end
    end

    // ---- Store unit: one word ----

    assign store_done = store_waits && sum_ready[store_sum];

    assign mem_valid = store_done || load_request;
    assign mem_write = store_done;
    assign mem_address = store_done ? store_address : load_address + requested;
    assign mem_wdata = sums[store_sum];

    always @(posedge clk) begin
        if (load_request) taken[{load_operand, load_slot}] <= 1;
        if (load_done) full[{filled_operand, filled_slot}] <= 1;
        if (mac_done) begin
            taken[{1'b0, mac_slot}] <= 0;
            taken[{1'b1, mac_slot}] <= 0;
            full[{1'b0, mac_slot}] <= 0;
            full[{1'b1, mac_slot}] <= 0;
            if (mac_last) sum_ready[mac_sum] <= 1;
        end
        if (store_done) sum_ready[store_sum] <= 0;
        if (rst) begin
            taken <= 0;
            full <= 0;
            sum_ready <= 0;
        end
    end
endmodule

// Commands in order. An entry is free again when its command is done; a command may enter in that same cycle.
module command_queue #(
    parameter WIDTH = 8,
    parameter DEPTH = 4
) (
    input              clk,
    input              rst,
    output             empty,
    input              push,
    input  [WIDTH-1:0] push_data,
    output             ready,
    output             next_valid,  // there is a command that has not been taken
    output [WIDTH-1:0] next,        // the oldest of these
    input              take,
    output [WIDTH-1:0] oldest,      // the oldest command that is not done
    input              done
);
    reg [WIDTH-1:0] entries [0:DEPTH-1];
    reg [7:0] tail, take_at, done_at, waiting, held;

    assign empty = held == 0;
    assign ready = held < DEPTH || done;
    assign next_valid = waiting != 0;
    assign next = entries[take_at];
    assign oldest = entries[done_at];

    always @(posedge clk) begin
        if (push) begin
            entries[tail] <= push_data;
            tail <= (tail == DEPTH - 1) ? 0 : tail + 1;
        end
        if (take) take_at <= (take_at == DEPTH - 1) ? 0 : take_at + 1;
        if (done) done_at <= (done_at == DEPTH - 1) ? 0 : done_at + 1;
        waiting <= waiting + push - take;
        held <= held + push - done;
        if (rst) begin
            tail <= 0;
            take_at <= 0;
            done_at <= 0;
            waiting <= 0;
            held <= 0;
        end
    end
endmodule
