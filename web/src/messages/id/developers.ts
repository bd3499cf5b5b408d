import type { developers as en } from "@/messages/en/developers";

export const developers: Record<keyof typeof en, string> = {
  "developers.title": "Pengembang",
  "developers.text": "Kode untuk disalin dan dijalankan. Tidak perlu apa-apa selain bahasa pemrogramannya.",
  "developers.yours": "Sudah diisi untuk Anda",
  "developers.yours.text": "Contoh di bawah memakai alamat dan id Anda sendiri.",
  "developers.client": "Nomor",
  "developers.client.text": "Yang mengirim dan menerima.",
  "developers.noclient": "Belum ada nomor",
  "developers.addfirst": "Belum ada nomor untuk mengirim.",
  "developers.add": "Tambah nomor",
  "developers.to": "Kirim ke",
  "developers.to.text": "Nomor telepon dengan kode negaranya.",
  "developers.key": "Buat kunci API",
  "developers.key.text":
    "adalah kunci API Anda. Izin messages:send, messages:read, events:read, dan webhooks:write cukup untuk yang di bawah.",
  "developers.key.ask": "Minta kunci kepada admin.",
  "developers.language": "Bahasa pemrograman",
  "developers.send": "Kirim pesan",
  "developers.send.text":
    "Jawaban langsung datang, entah nomornya online atau tidak. Dengan header Idempotency-Key permintaan aman diulang.",
  "developers.receive": "Terima peristiwa",
  "developers.receive.text":
    "Webhook mengirim setiap peristiwa, ditandatangani menurut Standard Webhooks. $CHASQUI_SECRET adalah rahasianya, ditampilkan saat webhook ditambahkan.",
  "developers.hooks": "Webhook Anda",
  "developers.read": "Baca peristiwa",
  "developers.read.text": "Jika webhook tidak bisa menjangkau: minta, lalu tunggu yang datang.",
  "developers.more": "Lainnya",
  "developers.more.text": "Semua yang dilakukan dasbor ini juga bisa dilakukan API.",
  "developers.docs": "Seluruh API",
  "developers.openapi": "Dokumen OpenAPI",
  "developers.pocket": "Ponsel saku",
};
