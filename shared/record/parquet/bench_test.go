package parquet

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	oracle "github.com/parquet-go/parquet-go"

	"github.com/sallyport-io/sallyport/shared/record"
)

type payment struct {
	ID       string `parquet:"id"`
	Debtor   string `parquet:"debtor"`
	IBAN     string `parquet:"iban"`
	Creditor string `parquet:"creditor"`
	Amount   int64  `parquet:"amount,decimal(2:18)"`
	Currency string `parquet:"currency,dict"`
	Date     int32  `parquet:"date,date"`
	Booked   int64  `parquet:"booked,timestamp(microsecond)"`
	Country  string `parquet:"country,dict"`
	Purpose  string `parquet:"purpose,optional"`
}

// BenchmarkRead reads payments; MB/s are of the typed values, with what a node of
// 16 bytes says left out.
func BenchmarkRead(b *testing.B) {
	rows := make([]payment, 100000)
	for i := range rows {
		rows[i] = payment{ID: fmt.Sprintf("PAY-%012d", i), Debtor: fmt.Sprintf("Debtor Company %d", i%5000), IBAN: fmt.Sprintf("DE%020d", i*7919), Creditor: fmt.Sprintf("Creditor Ltd %d", i%3000),
			Amount: int64(i * 31), Currency: []string{"EUR", "USD", "CHF"}[i%3], Date: int32(19000 + i%700), Booked: 1709210096123456 + int64(i), Country: []string{"DE", "FR"}[i%2], Purpose: fmt.Sprintf("Invoice %d of last month", i)}
	}
	s := fields(b, "id:string debtor:string iban:string creditor:string amount:number currency:string date:date booked:timestamp country:string purpose:string")
	data := write(b, rows, oracle.Compression(&oracle.Snappy))
	read := func() (size int64) {
		r, err := NewReader(bytes.NewReader(data), int64(len(data)), expect(s), record.Limits{}, record.Expansion{})
		if err != nil {
			b.Fatal(err)
		}
		for {
			batch, err := r.Next()
			if err == io.EOF {
				return size
			}
			if err != nil {
				b.Fatal(err)
			}
			size += int64(len(batch.Data))
		}
	}
	b.SetBytes(read())
	b.ReportAllocs()
	for b.Loop() {
		read()
	}
}
